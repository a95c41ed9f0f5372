-- limit: each level of pcall starts the loop again
local function f() pcall(f) while true do end end f()
