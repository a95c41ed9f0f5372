-- error: a function of a module replaced
require('std.calendar').add_days = function() end
