-- error: load of text or bytecode
load('return 1')()
