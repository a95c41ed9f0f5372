-- error: errors in handlers of errors
xpcall(error, function(e) error(e) end, 'x') error('end')
