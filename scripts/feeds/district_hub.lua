--- 区数据枢纽：按时间表一页一页取，游标记到哪里就从哪里接着取。地址、时间表在 scripts/office/feeds.lua。
--
-- 枢纽的回答：{ "items": [ { "type": "ent_income", "record": { … } }, … ], "next": "游标" 或 null, "more": true/false }

local feed = require "std.feed"
local office = require "office.feeds"

local hub = office.district_hub or {}

local types = { "enterprise", "ent_income", "device_alarm", "weather_warning", "sensor_reading" }

local function request(cursor)
  local function coded(text)
    return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
  end
  local query = ("?limit=%d"):format(hub.page or 200)
  if cursor then query = query .. "&cursor=" .. coded(cursor) end
  -- {secret} 由主机换成保险库里的口令，脚本看不到它
  return { url = hub.url .. query, headers = { Authorization = "Bearer {secret}", Accept = "application/json" } }
end

local known = {}
for _, name in ipairs(types) do known[name] = true end

local function one(item)
  local name, record = feed.at(item, "type"), feed.at(item, "record")
  if type(record) ~= "table" then return { refuse = "没有 record", field = "record" } end
  if not known[name] then return { refuse = "不收 " .. tostring(name) .. " 这类记录", field = "type" } end
  return { name, record }
end

local function read(message)
  local body, out = message.body, {}
  if type(feed.at(body, "items")) ~= "table" then return nil, "枢纽的回答里没有 items" end
  for i, item in ipairs(body.items) do out[i] = one(item) end
  return out, { cursor = body.next or message.cursor, more = body.more == true }
end

return {
  title = "区数据枢纽",
  types = types,
  accepts = "json",
  pull = { url = hub.url or "", every = hub.every or "hourly", private = hub.private == true,
           ca = hub.ca },
  request = request,
  read = read,
  examples = {
    { name = "一页两条，还有下一页", cursor = "p1",
      json = [[{"items":[{"type":"ent_income","record":{"ent_id":"91330105TEST000101","month":"2020-06","income_cny":6800000}},
        {"type":"weather_warning",
          "record":{"warning_id":"W1","kind":"rainstorm","level":"red","issued_at":"2020-07-15T08:00:00+08:00"}}],
        "next":"p2","more":true}]],
      expect = { { "ent_income", { month = "2020-06" } }, { "weather_warning", { warning_id = "W1" } } },
      next = "p2", more = true },
    { name = "空页：游标留在原处", cursor = "p9", json = [[{"items":[],"next":null,"more":false}]], next = "p9", more = false },
    { name = "不收的类型、没有内容的，逐条拒收", json = [[{"items":[{"type":"identity","record":{}},{"type":"ent_income"}]}]],
      refused = 2 },
    { name = "不是枢纽的回答", json = [[{"error":"x"}]], unread = "没有 items" },
  },
}
