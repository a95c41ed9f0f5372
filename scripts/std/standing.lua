--- 一个对象同一时候只挂一件的告警：key 里带着起算日（上次走访、检查、随访），起算日一换就是另一件。
local standing = {}

--- 对象 name 现在该挂的是 key（nil：不该挂）。先前挂着的若是另一件，就销掉，并记住现在这件。
function standing.keep(ctx, name, key, reason)
  local old = ctx:get(name)
  if old == key then return end
  if old then ctx:clear { key = old, reason = reason } end
  ctx:set(name, key)
end

return standing
