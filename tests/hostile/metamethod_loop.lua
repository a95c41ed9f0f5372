-- limit: __eq, __lt, __concat that loop
local mt = {} mt.__lt = function() while true do end end local x = setmetatable({}, mt) < setmetatable({}, mt)
