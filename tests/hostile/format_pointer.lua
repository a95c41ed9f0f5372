-- error: %p shows an address
('%p'):format({})
