-- error: all bytes at once
local s = ('x'):rep(1000000) s:byte(1, -1)
