-- safe: a result that contains itself
local t = {} t.t = t return t
