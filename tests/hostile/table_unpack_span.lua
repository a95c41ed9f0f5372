-- error: unpack of a huge span
table.unpack({}, 1, 1e8)
