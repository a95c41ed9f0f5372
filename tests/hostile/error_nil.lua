-- error: error without a value
error()
