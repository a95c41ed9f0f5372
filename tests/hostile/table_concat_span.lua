-- error: concat over 2^62 places
table.concat({}, '', 1, math.maxinteger)
