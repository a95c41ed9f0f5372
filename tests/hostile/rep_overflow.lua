-- error: sizes that overflow when multiplied
local s = ('abcdefgh'):rep(0x2000000000000001)
