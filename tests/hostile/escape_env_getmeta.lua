-- safe: the environment's metatable cannot be had
if getmetatable(_ENV) then error 'ESCAPED' end
