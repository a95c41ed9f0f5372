--- CloudEvents 1.0 over HTTP：结构式（application/cloudevents+json）、批量式（…-batch+json）、二进制式（ce-* 头，正文是 data）。
--
-- source + id 唯一：重复送来的只记一次，先到的算数。种类到记录类型的对照在 kinds；编号用 feed.id 由 source 和 id 拼出。

local feed = require "std.feed"

local function event_id(event) return feed.id("ce", event.source, event.id) end

-- CloudEvents 的 type → 记录类型，和由 data 填字段的函数（event.time、event.subject 也可用）。
local kinds = {
  ["cn.wangyi.camera_event"] = function(event)
    local d = event.data
    return "camera_event", {
      event_id = event_id(event), camera_id = d.camera_id or event.subject, place_id = d.place_id,
      event_type = d.event_type, phase = d.phase or "start", occurred_at = feed.time(d.occurred_at or event.time),
      confidence = d.confidence, shop_id = d.shop_id, people_count = d.people_count, track = d.track,
      community_id = d.community_id, image_ref = d.image_ref, report_type = "ai",
    }
  end,
  ["cn.wangyi.device_alarm"] = function(event)
    local d = event.data
    return "device_alarm", {
      alarm_id = event_id(event), device_id = d.device_id or event.subject, alarm_type = d.alarm_type,
      at = feed.time(d.at or event.time), restored_at = feed.time(d.restored_at),
    }
  end,
  ["cn.wangyi.sensor_reading"] = function(event)
    local d = event.data
    return "sensor_reading", { device_id = d.device_id or event.subject, at = feed.time(d.at or event.time),
                               metric = d.metric, value = d.value }
  end,
}

local function one(event)
  if type(event) ~= "table" then return { refuse = "不是一个事件对象" } end
  if event.specversion ~= "1.0" then return { refuse = "specversion 须为 1.0", field = "specversion" } end
  for _, name in ipairs { "id", "source", "type" } do
    if type(event[name]) ~= "string" or event[name] == "" then return { refuse = "缺少 " .. name, field = name } end
  end
  local make = kinds[event.type]
  if not make then
    return { refuse = ("没有给 %s 定下对应的记录；请在 scripts/feeds/cloudevents.lua 的 kinds 里加上"):format(event.type),
             field = "type" }
  end
  if type(event.data) ~= "table" then return { refuse = "data 须为 JSON 对象", field = "data" } end
  local type_name, record = make(event)
  return { type_name, record, once = true }
end

-- 二进制式：属性在 ce- 开头的头里（百分号编码），正文就是 data。
local function from_headers(message)
  local event = { data = message.body }
  for name, value in pairs(message.headers) do
    local attribute = name:match("^ce%-(.+)$")
    if attribute then
      event[attribute] = value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
    end
  end
  return event
end

local function read(message)
  local kind = (message.headers["content-type"] or ""):lower()
  if kind:find("^application/cloudevents%-batch%+json") then
    local out = {}
    for i, event in ipairs(message.body) do out[i] = one(event) end
    return out
  end
  if message.headers["ce-specversion"] then return { one(from_headers(message)) } end
  if kind:find("^application/cloudevents%+json") then return { one(message.body) } end
  return nil, "不是 CloudEvents：正文类型须为 application/cloudevents+json，或带 ce-* 头"
end

local structured = { ["content-type"] = "application/cloudevents+json; charset=utf-8" }

return {
  title = "CloudEvents 1.0",
  types = { "camera_event", "device_alarm", "sensor_reading" },
  accepts = "json",
  read = read,
  examples = {
    { name = "结构式",
      headers = structured,
      json = [[{"specversion":"1.0","id":"A-1","source":"/platform/eye","type":"cn.wangyi.camera_event",
        "time":"2020-07-15T08:30:00+08:00","data":{"camera_id":"C001","event_type":"vendor","confidence":0.8}}]],
      expect = { { "camera_event", { event_id = "ce-/platform/eye-A-1", camera_id = "C001", event_type = "vendor",
        occurred_at = "2020-07-15T08:30:00+08:00" } } } },
    { name = "批量式，其中一个种类没有对照",
      headers = { ["content-type"] = "application/cloudevents-batch+json" },
      json = [=[[{"specversion":"1.0","id":"1","source":"s","type":"cn.wangyi.device_alarm","subject":"D1",
        "time":"2020-07-15T00:30:00Z","data":{"alarm_type":"smoke"}},
        {"specversion":"1.0","id":"2","source":"s","type":"com.example.other","data":{}}]]=],
      expect = { { "device_alarm", { alarm_id = "ce-s-1", device_id = "D1", alarm_type = "smoke" } } }, refused = 1 },
    { name = "二进制式：属性在头里",
      headers = { ["content-type"] = "application/json", ["ce-specversion"] = "1.0", ["ce-id"] = "r 1",
                  ["ce-source"] = "/iot%20hub", ["ce-type"] = "cn.wangyi.sensor_reading",
                  ["ce-time"] = "2020-07-15T08:30:00Z", ["ce-subject"] = "D7" },
      json = [[{"metric":"noise_db","value":71.5}]],
      expect = { { "sensor_reading", { device_id = "D7", metric = "noise_db", value = 71.5 } } } },
    { name = "缺 id 的拒收", headers = structured,
      json = [[{"specversion":"1.0","source":"s","type":"cn.wangyi.device_alarm","data":{}}]], refused = 1 },
    { name = "普通 JSON 整份拒收", headers = { ["content-type"] = "application/json" }, json = "{}",
      unread = "不是 CloudEvents" },
  },
}
