-- error: table.insert into a library
table.insert(string, 1)
