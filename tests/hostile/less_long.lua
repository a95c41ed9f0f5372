-- limit: ordering long texts
local s = ('x'):rep(1000000) local t = ('x'):rep(1000000) while not (s < t) do end
