-- limit: pcall swallows the limit error and goes on
while true do pcall(function() while true do end end) end
