-- limit: several .- backtrack for ever
local s = ('a'):rep(3000) s:find('.-.-.-.-.-.-b')
