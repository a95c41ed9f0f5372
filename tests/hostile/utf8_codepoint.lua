-- error: all code points at once
local s = ('x'):rep(1000000) utf8.codepoint(s, 1, -1)
