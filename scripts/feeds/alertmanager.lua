--- Prometheus Alertmanager 的 webhook（version 4）→ 系统报警 system_alert。
--
-- alertmanager.yml：receivers 里写 webhook_configs: [{ url: …/api/v1/feeds/alertmanager,
--   http_config: { authorization: { credentials: 机器密钥 } } }]，密钥绑定 system_alert。
-- 同一次报警（fingerprint + startsAt）只有一条，恢复时补上恢复时间；同一组里各条互不影响。

local feed = require "std.feed"

local severities = { info = "info", none = "info", notice = "info", warning = "warning", warn = "warning",
                     critical = "critical", error = "critical", page = "critical" }

local function one(alert)
  local labels, notes = alert.labels or {}, alert.annotations or {}
  local at = feed.time(alert.startsAt)
  if type(alert.fingerprint) ~= "string" then return { refuse = "没有 fingerprint", field = "alarm_id" } end
  if not at then return { refuse = "startsAt 不是时间", field = "at" } end
  local resolved = alert.status == "resolved" and feed.time(alert.endsAt) or nil
  return { "system_alert", {
    alarm_id = feed.id("am", alert.fingerprint, at), name = labels.alertname or "未命名",
    severity = severities[(labels.severity or ""):lower()] or "warning",
    instance = labels.instance, job = labels.job,
    summary = notes.summary or notes.description or notes.message,
    at = at, restored_at = resolved, link = alert.generatorURL,
  } }
end

local function read(message)
  local body = message.body
  if body.version ~= "4" or type(body.alerts) ~= "table" then
    return nil, "不是 Alertmanager 第 4 版的 webhook（version、alerts）"
  end
  local out = {}
  for i, alert in ipairs(body.alerts) do out[i] = one(alert) end
  return out
end

return {
  title = "Alertmanager 系统报警",
  types = { "system_alert" },
  accepts = "json",
  read = read,
  examples = {
    { name = "一条在报、一条已恢复",
      json = [[{"version":"4","groupKey":"{}:{alertname=\"DiskFull\"}","truncatedAlerts":0,"status":"firing",
        "receiver":"wangyi","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://am:9093",
        "alerts":[
         {"status":"firing","labels":{"alertname":"DiskFull","severity":"critical","instance":"db1:9100"},
          "annotations":{"summary":"磁盘将满"},"startsAt":"2020-07-15T00:30:00.123Z","endsAt":"0001-01-01T00:00:00Z",
          "generatorURL":"http://prom/graph","fingerprint":"9b1a3c5d7e9f0a1b"},
         {"status":"resolved","labels":{"alertname":"CameraDown"},"annotations":{},
          "startsAt":"2020-07-15T08:00:00+08:00","endsAt":"2020-07-15T08:10:00+08:00","fingerprint":"00ff"}]}]],
      expect = {
        { "system_alert", { alarm_id = "am-9b1a3c5d7e9f0a1b-2020-07-15T00:30:00.123Z", name = "DiskFull",
                            severity = "critical", summary = "磁盘将满" } },
        { "system_alert", { name = "CameraDown", severity = "warning", restored_at = "2020-07-15T08:10:00+08:00" } },
      } },
    { name = "少了 fingerprint 的那条拒收，别的照收",
      json = [[{"version":"4","alerts":[{"status":"firing","labels":{},"startsAt":"2020-07-15T08:00:00Z"},
        {"status":"firing","labels":{"alertname":"A"},"startsAt":"2020-07-15T08:00:00Z","fingerprint":"1"}]}]],
      expect = { { "system_alert", { name = "A" } } }, refused = 1 },
    { name = "第 3 版不认", json = [[{"version":"3","alert":[]}]], unread = "第 4 版" },
  },
}
