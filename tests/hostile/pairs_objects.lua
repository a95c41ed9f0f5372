-- error: keys without an order
local t = { [{}] = 1, [{}] = 2 } for k in pairs(t) do end
