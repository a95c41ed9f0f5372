-- error: metatable of the environment
setmetatable(_ENV, {})
