--- 写样例用的：从一条基本的记录改出别的来。

local example = {}

--- 把 more 里的字段写进 base 再交回；值写成 "" 的字段去掉（缺值）。
function example.with(base, more)
  for name, value in pairs(more or {}) do
    if value == "" then base[name] = nil else base[name] = value end
  end
  return base
end

return example
