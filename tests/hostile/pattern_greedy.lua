-- limit: nested .* backtrack for ever
local s = ('a'):rep(3000) s:match('.*.*.*.*.*b')
