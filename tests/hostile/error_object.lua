-- error: an error value with a looping __tostring
error(setmetatable({}, { __tostring = function() while true do end end }))
