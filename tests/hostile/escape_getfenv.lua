-- error: environment functions of old
setfenv(1, {})
