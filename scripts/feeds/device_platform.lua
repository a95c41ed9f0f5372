--- 设备平台的 JSON 上报 → 传感读数。别的平台照此抄一份：each 是列表在哪里，fields 是字段对应的路径，要换算的写函数。

local feed = require "std.feed"

-- 平台的指标名 → 数据字典 sensor_reading.metric
local metrics = { noise = "noise_db", pm10 = "pm10_ugm3", depth = "depth_cm", level = "level_m", temp = "temp_c",
                  door = "door_open", motion = "motion" }

return {
  title = "设备平台上报（通用 JSON）",
  types = { "sensor_reading" },
  accepts = "json",
  read = feed.map {
    type = "sensor_reading",
    each = "data.readings",
    fields = {
      device_id = "deviceCode",
      at = function(one) return feed.time(one.ts) end,
      metric = function(one) return metrics[one.item] or one.item end,
      value = "reading.value",
    },
  },
  examples = {
    { name = "两条读数，毫秒和文字的时间",
      json = [[{"code":0,"data":{"readings":[
        {"deviceCode":"N01","item":"noise","ts":1594773000000,"reading":{"value":71.5,"unit":"dB"}},
        {"deviceCode":"W02","item":"depth","ts":"2020-07-15 08:31:00","reading":{"value":12}}]}}]],
      expect = {
        { "sensor_reading", { device_id = "N01", at = "2020-07-15T08:30:00+08:00", metric = "noise_db", value = 71.5 } },
        { "sensor_reading", { device_id = "W02", at = "2020-07-15T08:31:00+08:00", metric = "depth_cm", value = 12 } },
      } },
    { name = "没有列表", json = [[{"code":500}]], unread = "data.readings" },
  },
}
