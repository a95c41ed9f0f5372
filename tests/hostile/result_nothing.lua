-- safe: no result
local x = 1
