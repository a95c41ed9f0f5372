-- limit: a for loop at the edge of integers
for i = math.maxinteger - 1, math.maxinteger do for j = math.mininteger, math.maxinteger, 1 do end end
