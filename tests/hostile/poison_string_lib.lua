-- error: a library function replaced
string.format = function() return 'x' end
