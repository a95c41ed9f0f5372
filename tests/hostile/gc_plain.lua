-- error: __gc runs with hooks off
setmetatable({}, { __gc = function() while true do end end })
