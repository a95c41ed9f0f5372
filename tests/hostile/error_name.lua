-- error: an error value with a looping __name
error(setmetatable({}, { __name = setmetatable({}, { __tostring = function() while true do end end }) }))
