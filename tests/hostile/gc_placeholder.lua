-- error: __gc = true first, a function later
local mt = { __gc = true } setmetatable({}, mt) mt.__gc = function() while true do end end
