-- error: collectgarbage
collectgarbage('collect')
