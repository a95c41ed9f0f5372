-- error: sorting a module's data
table.sort(require('office.org').communities, function() return true end)
