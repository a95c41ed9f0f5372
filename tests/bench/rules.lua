#!lua name=bench
-- The same five rules and the same keeping as tests/bench/scenarios, as a Redis function.
local function judge(id, row)
  if row.result == "trouble" then redis.call("SET", "alert:1|" .. id, id) end
  if row.subject_type == "house" and row.result == "empty" then redis.call("SET", "alert:2|" .. id, id) end
  if row.note == nil then redis.call("SET", "alert:3|" .. id, id) end
  if row.visitor_id == "nobody" then redis.call("SET", "alert:4|" .. id, id) end
  if row.visited_at < "2019-01-01" then redis.call("SET", "alert:5|" .. id, id) end
end
redis.register_function("take", function(_, args)
  for _, text in ipairs(args) do
    local row = cjson.decode(text)
    redis.call("SET", "visit:" .. row.visit_id, text)
    judge(row.visit_id, row)
  end
  return #args
end)
