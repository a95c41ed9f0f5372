-- limit: comparing long texts, one instruction each
local s = ('x'):rep(1000000) local t = ('x'):rep(1000000) while s == t do end
