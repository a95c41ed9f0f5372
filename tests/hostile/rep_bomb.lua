-- error: string.rep of 2^40 bytes
local s = ('x'):rep(2^40 // 1 | 0)
