-- error: rawset on a library
rawset(string, 'format', nil)
