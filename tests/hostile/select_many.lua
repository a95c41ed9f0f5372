-- limit: select on a long list
local t = {} for i = 1, 1000 do t[i] = i end local function g(...) while true do select('#', ...) end end g(table.unpack(t))
