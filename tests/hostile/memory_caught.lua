-- limit: the memory error is caught and tried again
local keep = {} while true do pcall(function() for i = 1, math.maxinteger do keep[#keep + 1] = ('x'):rep(1000) .. #keep end end) end
