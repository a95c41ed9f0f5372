-- error: __index that leads to itself
local t = {} setmetatable(t, { __index = t }) local x = t.x
