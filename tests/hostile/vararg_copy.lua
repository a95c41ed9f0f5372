-- limit: a long list of arguments copied again and again
local t = {} for i = 1, 1000 do t[i] = i end local function g(...) while true do local u = { ... } end end g(table.unpack(t))
