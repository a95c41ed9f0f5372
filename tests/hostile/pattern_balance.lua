-- limit: %b at each place of a long text
local s = ('('):rep(100000) while true do s:find('%b()') end
