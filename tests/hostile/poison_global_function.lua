-- error: a global function replaced
pairs = function() end
