-- error: chance
math.random()
