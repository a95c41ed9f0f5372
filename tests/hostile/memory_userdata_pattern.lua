-- limit: a long pattern compiled without end
local p = ('[a-z]'):rep(60) while true do ('x'):find(p) end
