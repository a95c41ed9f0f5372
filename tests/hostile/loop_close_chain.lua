-- limit: a chain of __close handlers that each loop
local function f(n) local x <close> = setmetatable({}, { __close = function() while true do end end }) if n > 0 then f(n - 1) end while true do end end f(50)
