-- error: a metatable on a library
setmetatable(table, { __index = function() end })
