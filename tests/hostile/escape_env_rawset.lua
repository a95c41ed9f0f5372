-- error: rawset on the environment
rawset(_ENV, 'x', 1)
