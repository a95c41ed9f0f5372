-- error: table.move over 2^62 places
table.move({}, 1, 2^62 // 1 | 0, 2)
