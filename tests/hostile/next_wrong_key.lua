-- safe: next with a key that is not there
local k = next({ a = 1, c = 2 }, 'b') if k ~= 'c' then error 'ESCAPED' end
