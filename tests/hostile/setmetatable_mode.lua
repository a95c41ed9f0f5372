-- error: weak tables show when garbage is collected
setmetatable({}, { __mode = 'k' })
