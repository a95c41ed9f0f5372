-- error: %n writes to memory in C
('%n'):format(1)
