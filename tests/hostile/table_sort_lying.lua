-- safe: a comparison that answers at random
local n, flip = {}, false for i = 1, 500 do n[i] = i * 7919 % 503 end table.sort(n, function() flip = not flip return flip end)
