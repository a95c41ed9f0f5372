local calendar = require "std.calendar"
local camera = require "std.camera"

-- A street of one scenario: records by arrival, state as of the entry before.
local function street(settings)
  local s = { rows = {}, state = {}, was = {}, reads = 0 }
  s.ctx = { settings = settings or { min_confidence = 0.8 } }
  function s.ctx.get(_, key) return s.state[key] end
  function s.ctx.set(_, key, value) s.state[key] = value end
  function s.ctx.before(_, row) return s.was[row.event_id] end
  function s.ctx.each(_, _, where, options)
    local first = calendar.add_days(s.ctx.now:sub(1, 10), -tonumber(options.within:match "%d+"))
    local list, i = {}, 0
    for _, r in pairs(s.rows) do
      local fits = r.occurred_at >= first
      for k, v in pairs(where) do fits = fits and r[k] == v end
      if fits then list[#list + 1] = r end
    end
    table.sort(list, function(a, b)
      if a.occurred_at ~= b.occurred_at then return a.occurred_at < b.occurred_at end
      return a.event_id < b.event_id
    end)
    return function()
      i, s.reads = i + 1, s.reads + 1
      return list[i]
    end
  end
  return s
end

local function event(id, hm, more)
  local e = { event_id = id, place_id = "P", event_type = "vendor", phase = "snapshot", confidence = 0.9,
              occurred_at = ("2020-07-15T%s:00+08:00"):format(hm) }
  for k, v in pairs(more or {}) do e[k] = v end
  return e
end

local function come(s, row, gap, more)
  s.was[row.event_id] = s.rows[row.event_id]
  s.rows[row.event_id] = row
  s.ctx.now = row.occurred_at
  local o = { field = "place_id", id = "P", type = "vendor", days = 7, gap_min = gap }
  for k, v in pairs(more or {}) do o[k] = v end
  local run = camera.follow(s.ctx, row, o)
  if run then camera.remember(s.ctx, "place_id", "P", "vendor", run) end
  return run
end

-- "a 10:00-10:20 over" …
local function shape(run)
  local words = {}
  for _, e in ipairs(run.list) do
    local function hm(t) return calendar.datetime(t):sub(12, 16) end
    words[#words + 1] = ("%s %s-%s%s"):format(e.id, hm(e.from), hm(e.to), e.over and " over " .. hm(e.over) or "")
  end
  return table.concat(words, ", ")
end

local function told(order, gap)
  local s, run = street(), nil
  for _, row in ipairs(order) do run = come(s, row, gap) or run end
  return shape(camera.recall(s.ctx, "place_id", "P", "vendor")), s.reads
end

local END = { phase = "end" }

it("names event types as the dictionary does", function()
  same(camera.type_name "vendor", "游商摊贩")
  same(camera.type_name "nonsense", "nonsense")
end)

it("believes people, and cameras from the limit on", function()
  local s = { min_confidence = 0.8 }
  same(camera.is_sure({ confidence = 0.8 }, s), true)
  same(camera.is_sure({ confidence = 0.79 }, s), false)
  same(camera.is_sure({}, s), false)
  same(camera.is_sure({ report_type = "manual" }, s), true)
end)

it("a gap of exactly the limit goes on, a longer one begins anew", function()
  same(told({ event("a", "10:00"), event("b", "10:30"), event("c", "11:01") }, 30), "a 10:00-10:30, c 11:01-11:01")
  same(told({ event("a", "10:00"), event("b", "15:00") }), "a 10:00-15:00")
end)

it("an end closes; what comes behind begins anew; an end of nothing is nothing", function()
  same(told { event("a", "10:00"), event("e", "10:05", END), event("b", "10:06") }, "a 10:00-10:00 over 10:05, b 10:06-10:06")
  same(told { event("e", "10:05", END), event("a", "10:06") }, "a 10:06-10:06")
end)

it("any order of arrival leads to the same episodes", function()
  local all = { event("a", "10:00"), event("b", "10:10"), event("e", "10:12", END), event("c", "10:20"), event("d", "10:55") }
  local want = told(all, 30)
  same(want, "a 10:00-10:10 over 10:12, c 10:20-10:20, d 10:55-10:55")
  local function permute(n)
    if n == 1 then return same(told(all, 30), want) end
    for i = 1, n do
      all[i], all[n] = all[n], all[i]
      permute(n - 1)
      all[i], all[n] = all[n], all[i]
    end
  end
  permute(#all)
end)

it("in order reads no record but the first time", function()
  local rows = {}
  for i = 0, 59 do rows[#rows + 1] = event(("a%02d"):format(i), ("10:%02d"):format(i)) end
  local words, reads = told(rows, 30)
  same(words, "a00 10:00-10:59")
  same(reads, 2) -- the first event itself, and the end of the walk
end)

it("passes over what is not sure, keeps marks, tells what has gone", function()
  local s = street()
  same(come(s, event("x", "09:00", { confidence = 0.1 }), 30), nil)
  local run = come(s, event("b", "10:10"), 30)
  run.list[1].mark = 1
  run = come(s, event("a", "10:00"), 30)
  same(shape(run), "a 10:00-10:10")
  same(s.state["place_id|P|vendor"].gone, nil)
  run = come(s, event("a", "10:00", { confidence = 0.1 }), 30)
  same(shape(run), "b 10:10-10:10")
end)

it("judges the event in hand, and after a late one those of its day and behind", function()
  local s, seen = street(), {}
  local each = { each = function(e) seen[#seen + 1] = e.event_id end }
  come(s, event("a", "10:00"), 30, each)
  come(s, event("c", "10:20"), 30, each)
  come(s, event("b", "10:10"), 30, each)
  same(seen, { "a", "c", "a", "b", "c" })
end)

it("counts by calendar days and forgets older ones", function()
  local day = 86400
  local list = { { from = 0 }, { from = day * 7 }, { from = day * 8 } }
  same(camera.begun_within(list, 7, day * 7 + 3600), 2)
  same(camera.begun_within(list, 7, day * 8), 2)
  same(camera.begun_within(list, 7, day * 8, function(e) return e.from == day * 8 end), 1)
  same(camera.minutes({ from = 0, over = 600 }, 6000), 10.0)
  same(camera.minutes({ from = 0 }, 6000), 100.0)
  same(camera.about { camera = "C" }, { "camera", "C" })
  same(camera.about {}, nil)
  local s = street()
  come(s, event("old", "10:00", { occurred_at = "2020-07-07T10:00:00+08:00" }), 30)
  same(shape(come(s, event("new", "10:00"), 30)), "new 10:00-10:00")
end)

it("keeps what is asked for, what is marked and the last, and never more than 300", function()
  local s, run = street(), nil
  local keep = { keep = function() return false end }
  come(s, event("a", "10:00"), 1, keep).list[1].mark = 1
  for i = 1, 3 do come(s, event("b" .. i, ("11:%02d"):format(i * 10)), 1, keep) end
  same(shape(camera.recall(s.ctx, "place_id", "P", "vendor")), "a 10:00-10:00, b3 11:30-11:30")
  for i = 0, 359 do run = come(s, event(("c%03d"):format(i), ("%02d:%02d"):format(12 + i // 60 * 2, i % 60)), 0) end
  same(#run.list, 300)
end)

it("agrees with what has been raised: takes back, raises, leaves alone", function()
  local did, alerts = {}, {
    high = { level = "orange", state = "new" }, void = { level = "blue", state = "new" }, low = { level = "blue", state = "new" },
    same = { level = "blue", state = "new" }, over = { level = "blue", state = "closed" },
  }
  local ctx = {}
  function ctx.alerts(_, f)
    local a = alerts[f.key]
    return { a and (not f.state or a.state == "new") and a or nil }
  end
  function ctx.clear(_, c) did[#did + 1] = "-" .. c.key end
  function ctx.alert(_, a) did[#did + 1] = "+" .. a.key .. " " .. a.level end
  local verdicts, keys = {}, { void = true }
  for key, level in pairs { high = "yellow", low = "yellow", same = "blue", over = "blue", fresh = "red" } do
    camera.note(verdicts, { key = key, level = "blue" })
    camera.note(verdicts, { key = key, level = level })
    camera.note(verdicts, { key = key, level = "blue" })
    keys[key] = true
  end
  camera.agree(ctx, verdicts, keys)
  table.sort(did)
  same(did, { "+fresh red", "+high yellow", "+low yellow", "-high", "-void" })
  did = {}
  camera.agree(ctx, verdicts, { same = true, over = true }, "over")
  same(did, { "+over blue" })
end)
