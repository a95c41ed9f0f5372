-- limit: the message handler loops where hooks are off
xpcall(function() while true do end end, function() while true do end end)
