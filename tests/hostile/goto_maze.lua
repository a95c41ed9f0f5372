-- limit: jumps between labels
local n = 0 ::a:: n = n + 1 if n % 2 == 0 then goto b end goto a ::b:: goto a
