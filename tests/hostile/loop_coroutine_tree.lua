-- limit: short coroutines, each with a counter of its own
local function f() local co = coroutine.wrap(function() local x = 0 for i = 1, 50 do x = x + i end return x end) co() end
while true do f() end
