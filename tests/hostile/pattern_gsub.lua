-- limit: gsub with a backtracking pattern
local s = ('a'):rep(3000) s:gsub('.-.-.-.-c', '')
