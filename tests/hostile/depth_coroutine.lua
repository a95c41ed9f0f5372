-- any: coroutines within coroutines
local function f() coroutine.wrap(f)() end f()
