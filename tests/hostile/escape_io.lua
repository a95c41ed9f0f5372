-- error: io.open
io.open('/etc/passwd')
