--- 外来数据格式的适配（scripts/feeds/名字.lua）：查返回的表对不对，逐个跑例子，把 read 的结果理成统一的样子。
--
-- check(feed, host) → { problems = { { message, line? } }, manifest }
-- read(feed, message) → { items = { … }, next = { cursor, more }? } 或 { refused = "原因" }
-- ask(feed, cursor) → { url, headers }
-- host 由 C 给：types 数据字典、parse(kind, text)、schedule 查写法。

local MOST = 1000
local TOP = { title = "string", types = "table", accepts = "string", read = "function", examples = "table",
              pull = "table", request = "function" }
local PULL = { url = "string", every = "string", private = "boolean", ca = "string" }
local EXAMPLE = { name = true, xml = true, json = true, headers = true, pictures = true, received_at = true,
                  cursor = true, expect = true, ignored = true, refused = true, unread = true, next = true,
                  more = true }

local M = {}

-- 一项：{ "类型", { 字段 = 值 }, once = true? } | { ignore = "原因" } | { refuse = "原因", field = "字段"? }
local function item(feed, v, i)
  if type(v) ~= "table" then error(("read 返回的第 %d 项不是表"):format(i), 0) end
  if v.ignore ~= nil then return { ignore = tostring(v.ignore) } end
  if v.refuse ~= nil then return { refuse = tostring(v.refuse), field = v.field and tostring(v.field) or nil } end
  if type(v[1]) ~= "string" or type(v[2]) ~= "table" then
    error(("read 返回的第 %d 项应写成 { \"类型\", { 字段 = 值 } }"):format(i), 0)
  end
  for _, t in ipairs(feed.types) do
    if t == v[1] then
      return { type = v[1], record = v[2], once = v.once and true or nil }
    end
  end
  error(("read 返回了 %s，但 types 里没有写它"):format(v[1]), 0)
end

function M.read(feed, message)
  local list, extra = feed.read(message)
  if list == nil then return { refused = type(extra) == "string" and extra or "这份数据认不出来" } end
  if type(list) ~= "table" then error("read 要返回一个列表，或 nil 和原因", 0) end
  if #list > MOST then error(("一份数据至多 %d 条记录，这里有 %d 条"):format(MOST, #list), 0) end
  local out = { items = {} }
  for i, v in ipairs(list) do out.items[i] = item(feed, v, i) end
  if extra ~= nil then
    if type(extra) ~= "table" then error("read 的第二个返回值要写成 { cursor = …, more = … }", 0) end
    if extra.cursor ~= nil and (type(extra.cursor) ~= "string" or #extra.cursor > 1000) then
      error("cursor 要是不超过 1000 字节的文本", 0)
    end
    out.next = { cursor = extra.cursor, more = extra.more and true or false }
  end
  return out
end

function M.ask(feed, cursor)
  local r = feed.request(cursor)
  if type(r) ~= "table" or type(r.url) ~= "string" then error("request 要返回 { url = …, headers = { … } }", 0) end
  local headers = {}
  for name, value in pairs(r.headers or {}) do
    if type(name) ~= "string" or type(value) ~= "string" then error("headers 的名和值都要是文本", 0) end
    if not name:find("^[%w%-]+$") or value:find("%c") then error("headers 里有不能用的字符：" .. name, 0) end
    headers[#headers + 1] = name .. ": " .. value
  end
  return { url = r.url, headers = headers }
end

-- 例子 --------------------------------------------------------------------------------------------

local function show(v)
  if type(v) == "string" then return '"' .. v .. '"' end
  if type(v) ~= "table" then return tostring(v) end
  local parts = {}
  for k, one in pairs(v) do parts[#parts + 1] = tostring(k) .. "=" .. show(one) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for k, v in pairs(a) do if not same(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

-- 期望里写到的字段都要相等；没写到的不比。
local function compare(got, want, i)
  if got.type ~= want[1] then return ("第 %d 条应是 %s，得到 %s"):format(i, show(want[1]), show(got.type)) end
  for field, value in pairs(want[2] or {}) do
    if not same(got.record[field], value) then
      return ("第 %d 条的 %s 应为 %s，得到 %s"):format(i, field, show(value), show(got.record[field]))
    end
  end
end

local function compare_all(example, out)
  local records, ignored, refused = {}, 0, 0
  for _, one in ipairs(out.items) do
    if one.ignore then ignored = ignored + 1
    elseif one.refuse then refused = refused + 1
    else records[#records + 1] = one end
  end
  local want = example.expect or {}
  if #records ~= #want then return ("应有 %d 条记录，得到 %d 条"):format(#want, #records) end
  for i, one in ipairs(want) do
    local why = compare(records[i], one, i)
    if why then return why end
  end
  if ignored ~= (example.ignored or 0) then
    return ("应略过 %d 条，得到 %d 条"):format(example.ignored or 0, ignored)
  end
  if refused ~= (example.refused or 0) then
    return ("应拒收 %d 条，得到 %d 条"):format(example.refused or 0, refused)
  end
  if example.next ~= nil and not (out.next and out.next.cursor == example.next) then
    return ("下一页应从 %s 起，得到 %s"):format(show(example.next), show(out.next and out.next.cursor))
  end
  if example.more ~= nil and example.more ~= (out.next and out.next.more or false) then
    return example.more and "应还有下一页" or "不应再有下一页"
  end
end

local function run(feed, host, example)
  for name in pairs(example) do
    if not EXAMPLE[name] then return ("例子里没有 %s 这一项"):format(tostring(name)) end
  end
  local text = example.xml or example.json
  if type(text) ~= "string" then return "例子要用 xml 或 json 写出收到的文字" end
  local body, why = host.parse(example.xml and "xml" or "json", text)
  if why then return "例子的文字读不了：" .. why end
  local message = {
    body = body, headers = example.headers or {}, pictures = example.pictures or {},
    received_at = example.received_at or "2020-07-15T08:00:00+08:00", cursor = example.cursor,
  }
  local ok, out = pcall(M.read, feed, message)
  if not ok then return tostring(out) end
  if out.refused then
    if not example.unread then return "整份被拒收：" .. out.refused end
    return not out.refused:find(example.unread, 1, true)
      and ("拒收的原因应含 %s，得到 %s"):format(show(example.unread), show(out.refused)) or nil
  end
  if example.unread then return "应整份拒收，却收下了" end
  return compare_all(example, out), out
end

-- 整张表 ------------------------------------------------------------------------------------------

function M.check(feed, host)
  local problems, manifest = {}, nil
  local function problem(fmt, ...) problems[#problems + 1] = { message = fmt:format(...) } end
  if type(feed) ~= "table" then return { problems = { { message = "适配文件要返回一张表" } } } end
  for name, value in pairs(feed) do
    if not TOP[name] then problem("没有 %s 这一项", tostring(name))
    elseif type(value) ~= TOP[name] then problem("%s 应是 %s，写的是 %s", name, TOP[name], type(value)) end
  end
  for _, name in ipairs { "title", "types", "accepts", "read", "examples" } do
    if feed[name] == nil then problem("缺少 %s", name) end
  end
  if feed.accepts ~= "xml" and feed.accepts ~= "json" then problem('accepts 要写 "xml" 或 "json"') end
  if (feed.pull == nil) ~= (feed.request == nil) then problem("定时取数的要同时写 pull 和 request") end
  if #problems > 0 then return { problems = problems } end
  for i, name in ipairs(feed.types) do
    if not host.types[name] then problem("types 的第 %d 项：没有 %s 这类记录", i, tostring(name)) end
  end
  if #feed.types == 0 then problem("types 要写出会送来哪些类记录") end
  for name, value in pairs(feed.pull or {}) do
    if not PULL[name] or type(value) ~= PULL[name] then problem("pull 里的 %s 不对", tostring(name)) end
  end
  if feed.pull then
    local ok, why = host.schedule(feed.pull.every or "")
    if not ok then problem("pull.every：%s", why) end
  end
  if #feed.examples == 0 then problem("examples 至少要有一个例子") end
  for i, example in ipairs(feed.examples) do
    local why, out = run(feed, host, example)
    if why then problem("例子“%s”：%s", tostring(example.name or i), why) end
    for _, one in ipairs(out and out.items or {}) do
      local bad = one.type and host.fits(one.type, one.record)
      if bad then problem("例子“%s”：%s", tostring(example.name or i), bad) end
    end
  end
  if #problems == 0 then
    manifest = { title = feed.title, types = feed.types, accepts = feed.accepts, pull = feed.pull,
                 examples = #feed.examples }
  end
  return { problems = problems, manifest = manifest }
end

return M
