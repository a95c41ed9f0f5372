-- error: control characters in an error text
error('a\0b\27[31m\r\n')
