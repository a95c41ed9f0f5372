-- limit: tonumber of a long text
local s = ('9'):rep(1000000) while true do tonumber(s) end
