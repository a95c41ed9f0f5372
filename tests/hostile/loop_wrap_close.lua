-- limit: wrap closes pending variables after an error
local co = coroutine.wrap(function() local x <close> = setmetatable({}, { __close = function() while true do end end }) while true do end end) co()
