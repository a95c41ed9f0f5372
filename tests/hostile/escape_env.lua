-- error: a write through _ENV
_ENV.ipairs = nil
