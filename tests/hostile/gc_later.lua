-- safe: __gc put in after setmetatable never becomes a finalizer
local mt = {} for i = 1, 1000 do setmetatable({}, mt) end mt.__gc = function() while true do end end for i = 1, 100000 do local t = {} end
