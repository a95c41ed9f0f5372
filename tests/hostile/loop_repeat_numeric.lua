-- limit: numeric loop with a huge count
for i = 1, math.maxinteger do end
