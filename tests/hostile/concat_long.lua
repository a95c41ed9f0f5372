-- limit: concatenation, one instruction
local s = ('x'):rep(500000) while true do local t = s .. 'y' end
