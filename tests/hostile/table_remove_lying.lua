-- error: __len lies to remove
table.remove(setmetatable({}, { __len = function() return 2^60 // 1 | 0 end }), 1)
