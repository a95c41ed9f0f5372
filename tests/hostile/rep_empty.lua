-- safe: string.rep('', 2^62) loops in C without memory
local s = (''):rep(math.maxinteger) if s ~= '' then error 'ESCAPED' end
