-- error: a long text of digits made a number each time
local s = ('0'):rep(1000000) while true do local x = s | 0 end
