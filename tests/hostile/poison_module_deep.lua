-- error: data of a module replaced
require('office.org').communities[1].id = 'x'
