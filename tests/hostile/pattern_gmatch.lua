-- limit: gmatch with a backtracking pattern
local s = ('a'):rep(3000) for x in s:gmatch('.-.-.-.-.-c') do end
