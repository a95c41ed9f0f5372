-- limit: __close pending in a coroutine that is killed
local co = coroutine.wrap(function() local a <close> = setmetatable({}, { __close = function() for i = 1, 1e9 do end end }) for i = 1, 1e9 do end end) pcall(co) pcall(co) while true do end
