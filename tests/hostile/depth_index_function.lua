-- any: __index function without end
local t t = setmetatable({}, { __index = function(s, k) return s[k] end }) local x = t.x
