-- safe: messages show no address
local ok, e = pcall(function() return {} < {} end) if e:find('0x') then error 'ESCAPED' end
local ok2, e2 = pcall(error, {}) if tostring(e2):find('0x') then error 'ESCAPED' end
