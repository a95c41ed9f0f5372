-- limit: many large pieces kept
local t = {} for i = 1, 1000 do t[i] = ('x'):rep(900000) .. i end
