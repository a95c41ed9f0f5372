--- 读外来数据用的小工具（scripts/feeds）：按路径取值、XML 取元素、认各种写法的时间、由来源拼出不变的编号。

local calendar = require "std.calendar"

local feed = {}

--- JSON 里按路径取值，下标从 0 数起："data.items[0].name"。没有则为 nil。
function feed.at(value, path)
  for step in path:gmatch("[^.%[%]]+") do
    if type(value) ~= "table" then return nil end
    local n = step:match("^%d+$") and math.tointeger(tonumber(step))
    value = value[n and value[step] == nil and n + 1 or step]
  end
  return value
end

--- XML 里按路径取第一个元素："DetectionRegionList/DetectionRegionEntry"。
function feed.child(node, path)
  for name in path:gmatch("[^/]+") do
    local found
    for _, c in ipairs(node and node.children or {}) do
      if c.name == name then found = c break end
    end
    if not found then return nil end
    node = found
  end
  return node
end

--- 那个元素的文字；没有或是空的则为 nil。
function feed.text(node, path)
  local found = feed.child(node, path)
  return found and found.text ~= "" and found.text or nil
end

--- 文字写的数；不是数则为 nil。
function feed.number(text)
  return type(text) == "number" and text or type(text) == "string" and tonumber(text) or nil
end

--- 时间，各种写法 → RFC 3339；没写时区的按东八区；数字是秒，大于 10^11 是毫秒。认不出则为 nil。
function feed.time(v)
  if type(v) == "number" then
    local seconds = math.tointeger((v > 1e11 and v / 1000 or v) // 1)
    return seconds and seconds > 0 and seconds < 4e9 and calendar.datetime(seconds) or nil
  end
  if type(v) ~= "string" then return nil end
  local date, clock, zone = v:match("^(%d%d%d%d%-%d%d%-%d%d)[T ](%d%d:%d%d:%d%d[%.%d]*)%s*(.*)$")
  if not date then return nil end
  if zone == "" then zone = "+08:00" end
  zone = zone:gsub("^([+-]%d%d)(%d%d)$", "%1:%2")
  if zone ~= "Z" and not zone:find("^[+-]%d%d:%d%d$") then return nil end
  return date .. "T" .. clock .. zone
end

-- FNV-1a，64 位：编号太长时用，不是保密用的。
local function hash(s)
  local h = -3750763034362895579
  for i = 1, #s do h = (h ~ s:byte(i)) * 1099511628211 end
  return ("%016x"):format(h)
end

--- 由来源各部分拼出的编号：同一件事永远是同一个编号，重复送来就还是那一条。
function feed.id(...)
  local parts = table.pack(...)
  for i = 1, parts.n do
    local text = tostring(parts[i] == nil and "" or parts[i])
    parts[i] = text:gsub("[%c|]", "_")
  end
  local whole = table.concat(parts, "-", 1, parts.n)
  if #whole <= 100 then return whole end
  local cut = 80
  while cut > 0 and (whole:byte(cut + 1) or 0) // 64 == 2 do cut = cut - 1 end
  return whole:sub(1, cut) .. "-" .. hash(whole)
end

--- 通用的对照：map { type = 类型, each = "列表的路径"?, fields = { 字段 = "路径" 或 function(项, message) }, once = …? }
-- 返回可直接作 read 的函数：列表的每一项一条记录；没有 each 就是整份一条。取不到的字段不写。
function feed.map(spec)
  return function(message)
    local list = { message.body }
    if spec.each then
      list = feed.at(message.body, spec.each)
      if type(list) ~= "table" then return nil, "没有“" .. spec.each .. "”这个列表" end
    end
    local out = {}
    for i, one in ipairs(list) do
      local record = {}
      for field, from in pairs(spec.fields) do
        if type(from) == "function" then record[field] = from(one, message)
        else record[field] = feed.at(one, from) end
      end
      out[i] = { spec.type, record, once = spec.once }
    end
    return out
  end
end

return feed
