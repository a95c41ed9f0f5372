--- 城市眼事件：哪些算数、怎样连成一段、叫什么名字。城市眼各场景（19、20、21、33、38）共用。
--
-- “一段”（episode）：同一点位（或商户）、同一种类的事件，从第一条起，到一条 end 为止；给了 gap_min 的，
-- 前后两条相隔超过 gap_min 分钟也算断开。各段记在场景自己的状态里，照先后来的事件只看最后一段；
-- 迟到的、改过的、撤回的事件，从记录重新连一遍，其后的事件按次序再判断一遍，结果与先后来的一样。

local calendar = require "std.calendar"
local records  = require "office.records"

local camera = {}

--- 比什么时候都晚：同 within 一起写 upto = camera.FOREVER，就连以后的也取。
camera.FOREVER = "9999-12-31T23:59:59+08:00"

-- 种类和它的中文名，取自数据字典。
local function names_in_dictionary()
  local names = {}
  for _, t in ipairs(records.types) do
    if t.id == "camera_event" then
      for _, f in ipairs(t.fields) do
        if f.name == "event_type" then
          for i, code in ipairs(f.choices) do names[code] = f.choice_labels[i] end
        end
      end
    end
  end
  return names
end

local NAMES = names_in_dictionary()

--- 事件种类的中文名："vendor" → "游商摊贩"。
function camera.type_name(event_type) return NAMES[event_type] or event_type end

--- 这条事件算不算数：人工上报的都算，智能识别的要够置信度；没有置信度的不算。
function camera.is_sure(event, settings)
  if event.report_type == "manual" then return true end
  return event.confidence ~= nil and event.confidence >= settings.min_confidence
end

--- 同 is_sure，用于手头这条：判断留在痕迹里。
function camera.check_sure(event, ctx)
  if event.report_type == "manual" then return true end
  if event.confidence == nil then
    ctx:unknown("城市眼事件没有置信度")
    return false
  end
  return ctx:check("置信度", event.confidence, ">=", ctx.settings.min_confidence)
end

--- 点位的名字：探头的名字，没有就用点位编号。
function camera.place_name(ctx, camera_id, place_id)
  local c = ctx:find("camera", camera_id)
  return c and c.name or place_id or camera_id or "点位不详"
end

--- 告警所涉的对象：这一段的探头；没有编号的不写。
function camera.about(episode)
  local id = episode.camera
  return id and { "camera", id } or nil
end

--- 秒数所在的（东八区）日子，从 1970-01-01 数起；calendar.date 把它写成日期。
function camera.day(seconds) return (math.floor(seconds) + 8 * 3600) // 86400 end

--- 开始于 at（秒）当天及之前 days 天以内的段有几个；only 可再挑选。
function camera.begun_within(list, days, at, only)
  local n = 0
  for _, e in ipairs(list) do
    local gap = camera.day(at) - camera.day(e.from)
    if e.from <= at and gap >= 0 and gap <= days and (not only or only(e)) then n = n + 1 end
  end
  return n
end

--- 到 at（秒）为止，这一段已有几分钟：结束了的算到结束。
function camera.minutes(episode, at)
  return math.max(0, math.min(episode.over or at, at) - episode.from) / 60
end

-- 把一条事件接到各段后面；end 结束最后一段。返回它所在的段。
local function join(list, event, at, gap_min)
  local last = list[#list]
  if event.phase == "end" then
    if last and not last.over then last.over = at end
  elseif last and not last.over and not (gap_min and at - last.to > gap_min * 60) then
    last.to = at
  else
    last = { id = event.event_id, camera = event.camera_id, from = at, to = at,
             communities = event.community_id and { event.community_id } or nil }
    list[#list + 1] = last
  end
  return last
end

-- 最后一段可能还开着，留着；其余的过了期的、太多的、场景说不必留的（没有记号才算）就不要：状态不会越积越大。
local MOST = 300
local function forget_old(list, o, at)
  for i = #list - 1, 1, -1 do
    local e = list[i]
    local useless = o.keep and not e.mark and not o.keep(e)
    if useless or camera.day(at) - camera.day(e.from) > o.days then table.remove(list, i) end
  end
  while #list > MOST do table.remove(list, 1) end
end

local function state_name(o) return ("%s|%s|%s"):format(o.field, o.id, o.type) end

--- 先前连好的各段：{ list = { { id 首条编号, camera 探头, from 起, to 最近一条, over 结束, communities 社区, mark 场景自己的记号 }, … }, … }，
-- 时刻都是秒数；还没有过的为 nil。
function camera.recall(ctx, field, id, event_type)
  return ctx:get(state_name { field = field, id = id, type = event_type })
end

--- 记下（场景在段上做了记号之后）。
function camera.remember(ctx, field, id, event_type, run)
  run.gone, run.rebuilt = nil, nil
  ctx:set(state_name { field = field, id = id, type = event_type }, run)
end

-- 从记录重新连一遍；row 那天及以后的事件逐条交给 each。
local function rebuild(ctx, row, o, old, at)
  local from = camera.day(at)
  local run = { list = {}, rebuilt = true, since = old and old.since, version = o.version, gone = {} }
  local start = calendar.add_days(calendar.date_of(row.occurred_at), -o.days)
  if old and old.list[1] then
    start = math.min(calendar.day_number(start), camera.day(old.list[1].from))
    start = calendar.date(start)
  end
  local within = math.max(0, calendar.days_between(start, ctx.now)) .. "d"
  local marks = {}
  for _, e in ipairs(old and old.list or {}) do marks[e.id] = e.mark end
  for event in ctx:each("camera_event", { [o.field] = o.id, event_type = o.type }, { within = within, upto = camera.FOREVER }) do
    if camera.is_sure(event, ctx.settings) and (not o.accept or o.accept(event)) then
      local t = calendar.seconds(event.occurred_at)
      local e = join(run.list, event, t, o.gap_min)
      if e and e.id == event.event_id then e.mark = marks[e.id] end
      run.at = t
      if o.each and e and camera.day(t) >= from then o.each(event, e, run, t) end
    end
  end
  local kept = {}
  for _, e in ipairs(run.list) do kept[e.id] = true end
  for _, e in ipairs(old and old.list or {}) do
    if e.mark and not kept[e.id] then run.gone[#run.gone + 1] = e end
  end
  if run.at then forget_old(run.list, o, run.at) end
  return run
end

--- 手头的事件来了（或改了、撤了）：接到它的段上。返回 run，其中 run.list 是各段，由早到晚；与它无关的返回 nil。
-- o = { field "place_id" 或 "shop_id"，id 它的值，type 种类，days 往回看几天，gap_min 隔多久算断（可不写），
--       accept(event) 算不算（可不写），keep(episode) 过去的段要不要留（可不写），version 影响连法的参数（变了就重连），changed 事件改过或撤回了，
--       each(event, episode, run, at) 逐条判断：手头这条；重连时是它那天及以后的各条 }
-- run.rebuilt：重连过；run.gone：重连之后不再成立、而场景做过记号的段。场景改了 run 之后要 camera.remember。
function camera.follow(ctx, row, o)
  local at, old = calendar.seconds(row.occurred_at), camera.recall(ctx, o.field, o.id, o.type)
  o.version = ("%s|%s|%s"):format(ctx.settings.min_confidence, o.gap_min or "", o.version or "")
  local changed = o.changed or ctx:before(row) ~= nil
  local counts = camera.is_sure(row, ctx.settings) and (not o.accept or o.accept(row))
  if not counts and not changed then return nil end
  if changed or not old or not old.at or old.version ~= o.version or at <= old.at then
    return rebuild(ctx, row, o, old, at)
  end
  local e = join(old.list, row, at, o.gap_min)
  old.at, old.gone = at, {}
  forget_old(old.list, o, at)
  if o.each and e then o.each(row, e, old, at) end
  return old
end

local RANK = { blue = 1, yellow = 2, orange = 3, red = 4 }

--- 同一个 key 判断了几次的，留级别最高的：verdicts[key] = 给 ctx:alert 的表。
function camera.note(verdicts, args)
  local was = verdicts[args.key]
  if not was or RANK[args.level] > RANK[was.level] then verdicts[args.key] = args end
end

-- 人办结的或自动办结的，不因为迟到的记录又打开，除非级别更高。
local function is_ended(alert, level)
  return (alert.state == "closed" or alert.state == "false_alarm" or alert.state == "duplicate")
    and RANK[alert.level] >= RANK[level]
end

--- 重新判断过的各件（keys 是 key 的集合）：挂着的级别比该有的高（或不该报），先撤回；没报的、级别升高的，照新的报。
-- hand 是手头这条所在的 key：照常报（没有它的事就不写）。
function camera.agree(ctx, verdicts, keys, hand)
  for key in pairs(keys) do
    local v, alert = verdicts[key], ctx:alerts { key = key }[1]
    local open = alert ~= nil and ctx:alerts { key = key, state = "open" }[1] ~= nil
    if open and (not v or RANK[alert.level] > RANK[v.level]) then
      ctx:clear { key = key, retract = true, reason = "迟到或更正的事件说明当初不该报到这一级" }
      alert = nil
    end
    if v and (key == hand or not alert or (open and RANK[v.level] > RANK[alert.level])
              or (not open and not is_ended(alert, v.level))) then ctx:alert(v) end
  end
end

return camera
