-- error: dofile
dofile('/etc/passwd')
