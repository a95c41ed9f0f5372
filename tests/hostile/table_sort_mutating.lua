-- safe: a comparison that empties the table
local t = {} for i = 1, 200 do t[i] = 200 - i end table.sort(t, function(x, y) for k in pairs(t) do t[k] = nil end return x < y end)
