-- error: an error text of a megabyte
error(('x'):rep(1000000))
