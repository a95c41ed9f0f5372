-- error: the metatable of texts
getmetatable('').__index = function() end
