--- 海康威视 ISAPI 报警（EventNotificationAlert，设备用 HTTP 监听主动推送；带图的是 multipart）→ 城市眼事件。
--
-- 设备里填：http://服务地址/api/v1/feeds/hikvision，用户名随意，口令填机器密钥（绑定 camera_event）。

local feed = require "std.feed"

-- 探头对照：每个探头一行。按 serial（设备序列号）找，没有就按 ip 和通道找；不写 channel 的不看通道。
-- events 可给这个探头单独指定事件，如消防通道口的探头，区域入侵就是占用消防通道。
local cameras = {
  { camera = "C001", ip = "192.168.1.64", channel = "1", place = "PT001", community = "xiaohe" },
  { camera = "C002", ip = "192.168.1.65", place = "PT002", community = "xiaohe",
    events = { fielddetection = "fire_lane" } },
  { camera = "C003", serial = "DS-2CD-TEST-0003", place = "PT003", community = "hemu" },
}

-- 设备的事件名 → 城市眼事件种类（数据字典 camera_event.event_type）。
local events = {
  parking = "parking_motor", parkingdetection = "parking_motor", group = "crowd", groupdetection = "crowd",
  violentmotion = "fight", roadoccupy = "road_occupy", streetvendor = "vendor", shopoverflow = "shop_overflow",
  streethanging = "street_hanging", illegaladvert = "illegal_ad", garbageexposed = "garbage_exposed",
  binoverflow = "bin_overflow", nonmotorparking = "parking_nonmotor", ebikeelevator = "ebike_elevator",
}

-- 设备隔几十秒发一次，只说明自己还在。
local heartbeats = { videoloss = true, heartbeat = true }

local function find_camera(root)
  local serial = feed.text(root, "serialNumber") or feed.text(root, "deviceSerial")
  local ip, channel = feed.text(root, "ipAddress"), feed.text(root, "channelID")
  for _, c in ipairs(cameras) do
    if c.serial and c.serial == serial then return c end
    if c.ip and c.ip == ip and (not c.channel or c.channel == channel) then return c end
  end
  return nil, ("探头没有登记：地址 %s、通道 %s、序列号 %s；请在 scripts/feeds/hikvision.lua 的 cameras 里加一行")
    :format(ip or "无", channel or "无", serial or "无")
end

-- 城市眼算法的扩展：事件种类等直接写在 cityEye 里。
local function extension(root)
  return feed.child(root, "cityEye") or feed.child(root, "Extensions/cityEye")
end

local function phase_of(root, state)
  if state == "inactive" then return "end" end
  return (feed.number(feed.text(root, "activePostCount")) or 1) > 1 and "snapshot" or "start"
end

local function read(message)
  local root = message.body
  if root.name ~= "EventNotificationAlert" then
    return nil, "不是 EventNotificationAlert，而是 " .. root.name
  end
  local name = (feed.text(root, "eventType") or ""):lower()
  local state = feed.text(root, "eventState") or "active"
  if heartbeats[name] and state == "inactive" then return { { ignore = "心跳" } } end

  local camera, why = find_camera(root)
  if not camera then return { { refuse = why, field = "camera_id" } } end
  local more = extension(root)
  local kind = more and feed.text(more, "kind") or (camera.events or {})[name] or events[name]
  if not kind then
    return { { field = "event_type",
               refuse = ("不认识的事件 %s；请在 scripts/feeds/hikvision.lua 的 events 里对上城市眼事件种类"):format(name) } }
  end
  local at = feed.time(feed.text(root, "dateTime"))
  if not at then return { { refuse = "没有 dateTime，或写的不是时间", field = "occurred_at" } } end

  local track = more and feed.text(more, "track")
    or feed.text(root, "DetectionRegionList/DetectionRegionEntry/TargetRect/targetID")
    or feed.text(root, "targetID")
  local people = more and feed.number(feed.text(more, "people"))
  return { { "camera_event", {
    event_id = feed.id("hik", camera.camera, kind, at, state, track),
    camera_id = camera.camera, place_id = camera.place, community_id = camera.community,
    event_type = kind, phase = phase_of(root, state), occurred_at = at, track = track,
    confidence = more and feed.number(feed.text(more, "confidence")),
    shop_id = more and feed.text(more, "shop"),
    people_count = people and math.tointeger(people),
    image_ref = message.pictures and message.pictures[1] and message.pictures[1].ref,
    report_type = "ai",
  } } }
end

local function alert(inner, attributes)
  return ('<?xml version="1.0" encoding="UTF-8"?>\n<EventNotificationAlert version="2.0" '
    .. 'xmlns="http://www.hikvision.com/ver20/XMLSchema">%s%s</EventNotificationAlert>')
    :format(attributes or "<ipAddress>192.168.1.64</ipAddress><portNo>80</portNo><channelID>1</channelID>", inner)
end

return {
  title = "海康威视报警",
  types = { "camera_event" },
  accepts = "xml",
  read = read,
  examples = {
    { name = "违停，带一张图",
      xml = alert("<dateTime>2020-07-15T08:30:00+08:00</dateTime><activePostCount>1</activePostCount>"
        .. "<eventType>parking</eventType><eventState>active</eventState>"
        .. "<eventDescription>parking alarm</eventDescription>"),
      pictures = { { name = "detectionPicture.jpg", ref = "0123abcd" } },
      expect = { { "camera_event", { event_id = "hik-C001-parking_motor-2020-07-15T08:30:00+08:00-active-",
        camera_id = "C001", event_type = "parking_motor", phase = "start", image_ref = "0123abcd",
        occurred_at = "2020-07-15T08:30:00+08:00", community_id = "xiaohe" } } } },
    { name = "结束；时间没写时区按东八区",
      xml = alert("<dateTime>2020-07-15T08:40:00</dateTime><eventType>Parking</eventType><eventState>inactive</eventState>"),
      expect = { { "camera_event", { phase = "end", occurred_at = "2020-07-15T08:40:00+08:00" } } } },
    { name = "城市眼扩展：种类、置信度、轨迹",
      xml = alert("<dateTime>2020-07-15T08:31:00+08:00</dateTime><activePostCount>3</activePostCount>"
        .. "<eventType>AIOP</eventType><eventState>active</eventState><Extensions><cityEye><kind>shop_overflow</kind>"
        .. "<confidence>0.93</confidence><track>T7</track><shop>S12</shop></cityEye></Extensions>"),
      expect = { { "camera_event", { event_type = "shop_overflow", phase = "snapshot", confidence = 0.93,
        track = "T7", shop_id = "S12" } } } },
    { name = "按探头指定：区域入侵就是占用消防通道",
      xml = alert("<dateTime>2020-07-15T08:31:00+08:00</dateTime><eventType>fielddetection</eventType>"
        .. "<eventState>active</eventState>", "<ipAddress>192.168.1.65</ipAddress><channelID>4</channelID>"),
      expect = { { "camera_event", { camera_id = "C002", event_type = "fire_lane" } } } },
    { name = "按序列号找探头",
      xml = alert("<dateTime>2020-07-15T08:31:00+08:00</dateTime><eventType>group</eventType>"
        .. "<eventState>active</eventState>", "<serialNumber>DS-2CD-TEST-0003</serialNumber>"),
      expect = { { "camera_event", { camera_id = "C003", event_type = "crowd" } } } },
    { name = "心跳略过",
      xml = alert("<dateTime>2020-07-15T08:31:00+08:00</dateTime><eventType>videoloss</eventType>"
        .. "<eventState>inactive</eventState>"),
      ignored = 1 },
    { name = "不认识的事件拒收",
      xml = alert("<dateTime>2020-07-15T08:31:00+08:00</dateTime><eventType>diskfull</eventType><eventState>active</eventState>"),
      refused = 1 },
    { name = "没登记的探头拒收",
      xml = alert("<dateTime>2020-07-15T08:31:00+08:00</dateTime><eventType>parking</eventType>"
        .. "<eventState>active</eventState>", "<ipAddress>10.0.0.9</ipAddress>"),
      refused = 1 },
    { name = "别的 XML 整份拒收", xml = "<ResponseStatus/>", unread = "不是 EventNotificationAlert" },
  },
}
