-- any: gsub whose function calls gsub
local function f(s) return (s:gsub('.', f)) end f('aa')
