-- error: __len says 2^62, insert shifts
table.insert(setmetatable({}, { __len = function() return math.maxinteger - 1 end }), 1, 'x')
