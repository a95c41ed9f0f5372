-- safe: pairs while keys come and go
local t = { a = 1, b = 2 } local n = 0 for k in pairs(t) do n = n + 1 t[k] = nil t[k .. n] = 1 if n > 10 then error 'ESCAPED' end end
