-- error: empty text, long separator
local s = (''):rep(math.maxinteger, 'abc')
