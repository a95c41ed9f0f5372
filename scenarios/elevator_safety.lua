--- 电梯检验维保与困人：检验快到期没有报检、已过期，维保间隔超期，电梯困人、一台电梯反复困人。
-- 给公共管理办、物业、社区和市场监管所：报检、停梯、补做维保；困人三十分钟内救出。
local calendar = require "std.calendar"

local function community_of(elevator) return elevator and elevator.community_id and { elevator.community_id } or nil end

-- 检验 ------------------------------------------------------------------------------------------

-- 换了新的检验有效期：以前各个有效期的提醒都可以办结。
local function clear_former(elevator, ctx)
  for _, old in ipairs(ctx:history("elevator", elevator.elevator_id, 50)) do
    if old.inspect_valid_to and old.inspect_valid_to ~= elevator.inspect_valid_to then
      ctx:clear { key = ("%s|inspect|%s"):format(elevator.elevator_id, old.inspect_valid_to), reason = "已有新的检验有效期" }
    end
  end
end

local function inspect_level(elevator, ctx)
  local left = calendar.days_between(ctx.today, elevator.inspect_valid_to)
  if ctx:check("离检验到期", left, "<", 0, "天") then return "orange" end
  if ctx:check("离检验到期", left, "<=", ctx.settings.apply_days, "天")
     and ctx:check("已经报检", elevator.inspect_applied_on ~= nil, "==", false) then return "blue" end
end

local function judge_inspect(elevator, ctx)
  clear_former(elevator, ctx)
  local valid_to = elevator.inspect_valid_to
  if not valid_to then return ctx:unknown("没有登记检验有效期") end
  local key = ("%s|inspect|%s"):format(elevator.elevator_id, valid_to)
  local level = inspect_level(elevator, ctx)
  if not level then return ctx:clear { key = key, reason = "检验在有效期内或已经报检" } end
  local expired = level == "orange"
  ctx:alert {
    key = key, kind = "inspect", level = level, about = { "elevator", elevator.elevator_id },
    communities = community_of(elevator), due = not expired and valid_to .. "T23:59:59+08:00" or nil,
    title = ("电梯%s %s"):format(elevator.elevator_id, expired and "检验已过期" or "检验将到期"),
    text  = expired and ("电梯%s检验已过期（有效期至%s），请停梯并检验"):format(elevator.elevator_id, valid_to)
      or ("电梯%s检验有效期至%s，尚未报检"):format(elevator.elevator_id, valid_to),
  }
end

-- 维保 ------------------------------------------------------------------------------------------

local function maint_key(row) return ("%s|maint|%s"):format(row.elevator_id, row.done_on) end

-- row 是这台电梯最近一次维保；再早几次的提醒都可以办结。
local function judge_maint(row, ctx)
  if not ctx:alive("maintenance") then return ctx:unknown("电梯维保数据没有按时更新") end
  for _, old in ipairs(ctx:list("maintenance", { elevator_id = row.elevator_id }, { last = 20 })) do
    if old.done_on < row.done_on then ctx:clear { key = maint_key(old), reason = "已做新的维保" } end
  end
  local days = calendar.days_between(row.done_on, ctx.today)
  if not ctx:check("距上次维保", days, ">", ctx.settings.maint_yellow, "天") then
    return ctx:clear { key = maint_key(row), reason = "维保间隔在规定以内" }
  end
  local level = ctx:check("距上次维保（橙）", days, ">", ctx.settings.maint_orange, "天") and "orange" or "yellow"
  ctx:alert {
    key = maint_key(row), kind = "maint", level = level, about = { "elevator", row.elevator_id },
    title = ("电梯%s 维保超期"):format(row.elevator_id),
    text  = ("电梯%s维保间隔%d天（上次%s）"):format(row.elevator_id, days, row.done_on),
  }
end

-- 困人 ------------------------------------------------------------------------------------------

-- 电梯设备没写对象类别的，就是在电梯上。
local function is_on_elevator(device) return (device.subject_type or "elevator") == "elevator" end

-- 检修静默中的报警不算。头一次看到时就定下来：以后设备再静默、或静默结束，都不改它。
local function is_muted(alarm, device, ctx)
  local decided = ctx:get("muted|" .. alarm.alarm_id)
  if decided ~= nil then return decided end
  return device.muted_until ~= nil and device.muted_until > alarm.at
end

-- 一台电梯历次困人的时刻（静默中的不算）。
local function traps_of(elevator_id, ctx)
  local times = {}
  for device in ctx:each("device", { subject_id = elevator_id, kind = "elevator_box" }) do
    for alarm in ctx:each("device_alarm", { device_id = device.device_id, alarm_type = "trap" }) do
      if is_on_elevator(device) and not is_muted(alarm, device, ctx) then times[#times + 1] = alarm.at end
    end
  end
  return times
end

-- 到 at 这一刻为止，近 trap_days 天困人几次。
local function count_until(times, at, days)
  local n = 0
  for _, t in ipairs(times) do
    if t <= at and calendar.within_days(t, days, at) then n = n + 1 end
  end
  return n
end

-- 反复困人。这一次之后已有的几次（先到的）也连同看：次序颠倒到达，结果一样。
local function judge_repeat(alarm, elevator_id, community, ctx)
  local s = ctx.settings
  local times = traps_of(elevator_id, ctx)
  for _, at in ipairs(times) do
    if at >= alarm.at and calendar.within_days(alarm.at, s.trap_days, at) then
      local n = count_until(times, at, s.trap_days)
      if ctx:check(("近%d天困人"):format(s.trap_days), n, ">=", s.trap_count, "次") then
        ctx:alert {
          key = ("%s|trap_repeat|%s"):format(elevator_id, calendar.month_of(at)), kind = "trap_repeat", level = "orange",
          about = { "elevator", elevator_id }, communities = community,
          title = ("电梯%s 反复困人"):format(elevator_id),
          text  = ("电梯%s近%d天困人%d次，请停梯检查"):format(elevator_id, s.trap_days, n),
        }
      end
    end
  end
end

local function on_alarm(row, ctx)
  if row.alarm_type ~= "trap" then return end
  local key = row.alarm_id .. "|trap"
  local device = ctx:find("device", row.device_id)
  if not device then return ctx:unknown("没有这台报警设备的登记") end
  if not ctx:check("设备种类", device.kind, "==", "elevator_box") then return end
  local muted = is_muted(row, device, ctx)
  ctx:set("muted|" .. row.alarm_id, muted)
  if not ctx:check("检修静默中", muted, "==", false) then return end

  local elevator_id = is_on_elevator(device) and device.subject_id or nil
  local elevator = ctx:find("elevator", elevator_id)
  local community = community_of(elevator) or device.community_id and { device.community_id } or nil
  local name = elevator_id or row.device_id
  if ctx:check("已经恢复", row.restored_at ~= nil, "==", true) then
    ctx:clear { key = key, reason = "困人已解除" }
  else
    ctx:alert {
      key = key, kind = "trap", level = "red", about = { "device_alarm", row.alarm_id }, communities = community,
      due = calendar.add_minutes(row.at, ctx.settings.trap_rescue_min),
      title = ("电梯%s 困人报警"):format(name),
      text  = ("电梯%s困人报警，请%d分钟内救出"):format(name, ctx.settings.trap_rescue_min),
    }
  end
  if not elevator_id then return ctx:unknown("报警设备没有登记在哪台电梯") end
  judge_repeat(row, elevator_id, community, ctx)
end

-- 例子 ------------------------------------------------------------------------------------------

local NOW = "2020-07-15T07:00:00+08:00"

local function elevator(valid_to, applied_on, id)
  return { "elevator", { elevator_id = id or "EL9", estate_id = "E_XJ", community_id = "changzhengqiao",
                         inspect_valid_to = valid_to, inspect_applied_on = applied_on } }
end

local function maintained(on, id)
  return { "maintenance", { elevator_id = id or "EL9", done_on = on, company_id = "WB1" } }
end

local function box(more)
  local d = { device_id = "BX9", kind = "elevator_box", subject_type = "elevator", subject_id = "EL9",
              community_id = "changzhengqiao" }
  for k, v in pairs(more or {}) do d[k] = v ~= "" and v or nil end
  return { "device", d }
end

local function trap(id, at, restored_at, more)
  local a = { alarm_id = id, device_id = "BX9", alarm_type = "trap", at = at, restored_at = restored_at }
  for k, v in pairs(more or {}) do a[k] = v end
  return { "device_alarm", a }
end

local FAR = elevator "2021-03-31"
local T1, T2 = "2020-07-15T18:00:00+08:00", "2020-07-20T08:00:00+08:00"

local function one(key, level, kind) return { { key = key, level = level, kind = kind } } end
local function maint(level, on) return one("EL9|maint|" .. (on or "2020-06-26"), level, "maint") end

local function case(name, given, want, settings, at)
  return { name = name, given = given, at = at or NOW, settings = settings, expect = want }
end

local function updates(at)
  return { "dataset", { dataset_id = "DS_maintenance", name = "电梯维保", owner_office = "public_mgmt", cycle = "monthly" } },
    { "dataset_update", { update_id = "U1", dataset_id = "DS_maintenance", updated_at = at, rows = 1 } }
end

return {
  title    = "电梯检验维保与困人",
  office   = "public_mgmt",
  shape    = "STATE ABS CNT",
  also     = { "property", "market_reg" },
  reads    = { "elevator", "maintenance", "device_alarm", "device" },
  settings = {
    apply_days      = { label = "检验到期前几天须已报检", unit = "天", default = 30, min = 0, max = 365 },
    maint_yellow    = { label = "维保间隔超过（黄）", unit = "天", default = 15, min = 1, max = 365 },
    maint_orange    = { label = "维保间隔超过（橙）", unit = "天", default = 20, min = 1, max = 365 },
    trap_rescue_min = { label = "困人须救出", unit = "分钟", default = 30, min = 1, max = 1440 },
    trap_days       = { label = "反复困人看近几天", unit = "天", default = 30, min = 1, max = 365 },
    trap_count      = { label = "反复困人达到", unit = "次", default = 2, min = 2, max = 100 },
  },

  on      = { device_alarm = on_alarm },
  removed = {
    maintenance  = function(row, ctx) ctx:clear { key = maint_key(row), reason = "这次维保记录已撤回" } end,
    device_alarm = function(row, ctx) ctx:clear { key = row.alarm_id .. "|trap", reason = "报警已撤回" } end,
  },
  every = {
    { at = "daily 07:00", over = "elevator", run = judge_inspect },
    { at = "daily 07:00", over = "maintenance", run = judge_maint },
  },

  life = {
    inspect     = { close = "auto", limits = { orange = { close = "3wd" }, blue = { close = "10wd" } } },
    maint       = { close = "auto", limits = { close = "2wd" } },
    trap        = { close = "auto", limits = { close = "30min" } },
    trap_repeat = { close = "evidence", evidence = { "note" }, limits = { close = "5wd" } },
  },

  examples = {
    case("维保已19天，报黄", { FAR, maintained "2020-06-26" }, maint "yellow"),
    case("维保才13天，不报", { FAR, maintained "2020-07-02" }, {}),
    case("恰好15天，不报", { FAR, maintained "2020-06-30" }, {}),
    case("16天，报黄", { FAR, maintained "2020-06-29" }, maint("yellow", "2020-06-29")),
    case("恰好20天，仍是黄", { FAR, maintained "2020-06-25" }, maint("yellow", "2020-06-25")),
    case("21天，报橙", { FAR, maintained "2020-06-24" }, maint("orange", "2020-06-24")),
    case("从来没有维保记录，不报", { FAR }, {}),
    case("没有电梯档案而有维保记录，照样看", { maintained "2020-06-26" }, maint "yellow"),
    case("看最近一次，不论到达次序", { FAR, maintained "2020-07-10", maintained "2020-06-20" }, {}),
    case("别的电梯的维保不算", { FAR, maintained "2020-06-26", maintained("2020-07-10", "EL8") }, maint "yellow"),
    case("维保数据断了，不报", { FAR, maintained "2020-06-26", updates "2020-05-31T23:59:59+08:00" }, {}),
    case("维保数据上月更新过，照报", { FAR, maintained "2020-06-26", updates "2020-06-01T00:00:00+08:00" }, maint "yellow"),
    { name = "黄升为橙是同一条，补做维保后自动办结",
      steps = {
        { given = { FAR, maintained "2020-06-26" }, at = NOW, expect = maint "yellow" },
        { at = "2020-07-16T07:00:00+08:00", expect = maint "yellow" },
        { at = "2020-07-17T07:00:00+08:00", expect = maint "orange" },
        { given = { maintained "2020-07-17" }, at = "2020-07-18T07:00:00+08:00", expect = {} },
      } },
    { name = "数据断了，已报的也不办结",
      steps = {
        { given = { FAR, maintained "2020-06-26" }, at = NOW, expect = maint "yellow" },
        { given = { updates "2020-05-20T00:00:00+08:00", maintained "2020-07-15" }, at = "2020-07-16T07:00:00+08:00",
          expect = maint "yellow" },
      } },
    { name = "当天零点起的维保上午才到，撤回早上七点的提醒",
      steps = {
        { given = { FAR, maintained "2020-06-26" }, at = NOW, expect = maint "yellow" },
        { given = { maintained "2020-07-15" }, at = "2020-07-15T09:00:00+08:00", expect = {} },
      } },
    { name = "维保记录撤回，依它发的也撤，按再早一次重发",
      steps = {
        { given = { FAR, maintained "2020-06-10", maintained "2020-06-26" }, at = NOW, expect = maint "yellow" },
        { removed = { { "maintenance", "EL9", "2020-06-26" } }, at = "2020-07-16T07:00:00+08:00",
          expect = maint("orange", "2020-06-10") },
      } },

    case("检验还有30天到期，没有报检，报蓝", { elevator "2020-08-14" }, one("EL9|inspect|2020-08-14", "blue", "inspect")),
    case("还有31天，不报", { elevator "2020-08-15" }, {}),
    case("今天到期，没有报检，报蓝", { elevator "2020-07-15" }, one("EL9|inspect|2020-07-15", "blue", "inspect")),
    case("昨天已到期，报橙", { elevator "2020-07-14" }, one("EL9|inspect|2020-07-14", "orange", "inspect")),
    case("快到期而已报检，不报", { elevator("2020-08-01", "2020-07-10") }, {}),
    case("已报检但已过期，报橙", { elevator("2020-07-14", "2020-07-01") }, one("EL9|inspect|2020-07-14", "orange", "inspect")),
    case("没有登记有效期，不报", { elevator() }, {}),
    case("检验和维保两样都有，各报各的", { elevator "2020-08-01", maintained "2020-06-26" },
         { { key = "EL9|inspect|2020-08-01", level = "blue" }, { key = "EL9|maint|2020-06-26", level = "yellow" } }),
    { name = "蓝升为橙是同一条，换了有效期后自动办结",
      steps = {
        { given = { elevator "2020-07-16" }, at = NOW, expect = one("EL9|inspect|2020-07-16", "blue") },
        { at = "2020-07-17T07:00:00+08:00", expect = one("EL9|inspect|2020-07-16", "orange") },
        { given = { elevator "2021-07-16" }, at = "2020-07-18T07:00:00+08:00", expect = {} },
      } },
    { name = "报检之后，蓝色提醒自动办结",
      steps = {
        { given = { elevator "2020-08-01" }, at = NOW, expect = one("EL9|inspect|2020-08-01", "blue") },
        { given = { elevator("2020-08-01", "2020-07-15") }, at = "2020-07-16T07:00:00+08:00", expect = {} },
      } },

    case("困人，报红", { box(), trap("AL1", T1) }, one("AL1|trap", "red", "trap"), nil, "2020-07-15T18:00:00+08:00"),
    case("困人已解除，不再开着", { box(), trap("AL1", T1, "2020-07-15T18:20:00+08:00") }, {}, nil, T2),
    case("检修静默中，不报", { box { muted_until = "2020-07-15T18:00:01+08:00" }, trap("AL1", T1) }, {}, nil, T2),
    case("静默恰好到这一刻为止，报", { box { muted_until = T1 }, trap("AL1", T1) }, one("AL1|trap", "red"), nil, T2),
    case("不是电梯设备，不报", { box { kind = "smoke" }, trap("AL1", T1) }, {}, nil, T2),
    case("没有登记的设备，不报", { trap("AL1", T1) }, {}, nil, T2),
    case("电梯设备的其他报警，不报", { box(), trap("AL1", T1, nil, { alarm_type = "sos" }) }, {}, nil, T2),
    case("设备没有登记在哪台电梯，困人照报，不数次数",
         { box { subject_id = "" }, trap("AL1", T1), trap("AL2", T2) },
         { { key = "AL1|trap", level = "red" }, { key = "AL2|trap", level = "red" } }, nil, T2),
    { name = "先报红，恢复时间补来后自动办结",
      steps = {
        { given = { box(), trap("AL1", T1) }, at = "2020-07-15T18:05:00+08:00", expect = one("AL1|trap", "red") },
        { given = { trap("AL1", T1, "2020-07-15T18:20:00+08:00") }, at = "2020-07-15T18:25:00+08:00", expect = {} },
      } },
    { name = "30天内第二次困人，加报橙；次序颠倒到达也一样",
      steps = {
        { given = { FAR, box(), trap("AL2", T2, T2) }, at = T2, expect = {} },
        { given = { trap("AL1", T1, T1) }, at = "2020-07-20T09:00:00+08:00",
          expect = one("EL9|trap_repeat|2020-07", "orange", "trap_repeat") },
      } },
    case("恰好隔30天，加报", { box(), trap("AL1", "2020-06-20T23:00:00+08:00", T1), trap("AL2", T2, T2) },
         one("EL9|trap_repeat|2020-07", "orange"), nil, T2),
    case("隔31天，不加报", { box(), trap("AL1", "2020-06-19T23:00:00+08:00", T1), trap("AL2", T2, T2) }, {}, nil, T2),
    case("一台电梯两个设备合起来数",
         { box(), box { device_id = "BX8" }, trap("AL1", T1, T1), trap("AL2", T2, T2, { device_id = "BX8" }) },
         one("EL9|trap_repeat|2020-07", "orange"), nil, T2),
    case("两台电梯各一次，不加报",
         { box(), box { device_id = "BX8", subject_id = "EL8" }, trap("AL1", T1, T1),
         trap("AL2", T2, T2, { device_id = "BX8" }) },
         {}, nil, T2),
    { name = "静默中的一次，静默结束后也不算次数",
      steps = {
        { given = { box { muted_until = "2020-07-15T20:00:00+08:00" }, trap("AL1", T1) }, at = T1, expect = {} },
        { given = { box(), trap("AL2", T2) }, at = T2, expect = one("AL2|trap", "red") },
      } },
    { name = "报过之后设备才静默，那一次照算",
      steps = {
        { given = { box(), trap("AL1", T1, T1) }, at = T1, expect = {} },
        { given = { trap("AL3", "2020-07-16T08:00:00+08:00") }, at = "2020-07-16T08:00:00+08:00",
          expect = { { key = "AL3|trap", level = "red" }, { key = "EL9|trap_repeat|2020-07", level = "orange" } } },
        { given = { box { muted_until = "2020-07-16T12:00:00+08:00" },
                    trap("AL3", "2020-07-16T08:00:00+08:00", "2020-07-16T08:20:00+08:00") },
          at = "2020-07-16T08:30:00+08:00", expect = one("EL9|trap_repeat|2020-07", "orange") },
      } },
    { name = "来时已解除的困人，设备后来静默也照算",
      steps = {
        { given = { box(), trap("AL1", T1, T1) }, at = T1, expect = {} },
        { given = { box { muted_until = "2020-07-18T00:00:00+08:00" }, trap("AL2", T2, T2) }, at = T2,
          expect = one("EL9|trap_repeat|2020-07", "orange") },
      } },
    { name = "报警撤回，红色办结",
      steps = {
        { given = { box(), trap("AL1", T1) }, at = T1, expect = one("AL1|trap", "red") },
        { removed = { { "device_alarm", "AL1" } }, at = T2, expect = {} },
      } },
  },
}
