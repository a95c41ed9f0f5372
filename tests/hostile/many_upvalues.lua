-- limit: deep closures called again and again
local function wrap(f, n) if n == 0 then return f end return wrap(function() return f() end, n - 1) end local g = wrap(function() return 1 end, 100) while true do g() end
