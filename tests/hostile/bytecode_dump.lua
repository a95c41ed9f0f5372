-- error: string.dump gives bytecode
string.dump(function() end)
