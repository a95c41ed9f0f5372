--- 不运行脚本，只读源文本，找出一眼能看出的错：ctx 没有的函数，拼错的记录字段，没声明的参数，没有的记录类型，
-- 全局变量，写错的级别和判断符号。查不准的不说；运行时总还会查一遍。
--
-- check(text, info) → 问题列表 { line, column, code, message }，表里各项的位置 positions
-- info：types 数据字典，settings 参数名集合，may 已声明的后果（读不出时为 nil），reads 已声明的类型，handlers { { line, type } }，globals 可用的名字，
-- module(name) 给出共用模块里有哪些名字（没有这个模块或查不了时为 nil）

local parse = require "host.parse"
local words = require "host.shape".words

local function set(text)
  local s = {}
  for word in text:gmatch("%S+") do s[word] = true end
  return s
end

local METHODS = set [[find before list each history count sum alive is_workday alerts get set wake sleep check
                      unknown subject alert clear log keywords topic]]
local FIELDS = set [[now today month week seq settings]]
local ALERT = set [[key kind level about title text office communities also due evidence reopen]]
local CLEAR = set [[key reason close retract]]
local ALERTS = set [[key kind state]]
local TOPIC = set [[key title keyword kind origin communities estate_id project_id]]
local TOPIC_KINDS = set [[general reno tripartite]]
local TOPIC_ORIGINS = set [[scenario auto]]
local KEYWORDS = set [[from to within community keyword cameras min_confidence]]
local LIST_OPTIONS = set [[limit all within last upto]]
local LEVELS = set [[blue yellow orange red]]
local STATES = set [[open new signed handling submitted returned extended closed false_alarm duplicate retracted]]
local OPS = set [[> >= < <= == ~=]]

local L = {}
L.__index = L

function L:problem(at, code, message)
  if #self.problems >= 100 then return end
  self.problems[#self.problems + 1] = { line = at.line, column = at.column, code = code, message = message }
end

local function is_ctx(e) return e and e.tag == "name" and e.name == "ctx" end
local function literal(e) return e and e.tag == "string" and e.value or nil end

-- 记录类型 ----------------------------------------------------------------------------------------

-- 文本写的记录类型：存在，不是封存的；限制类的，reads 里有；其余的记下来，补进 reads。返回字典里的它。
function L:type_named(e)
  local name = literal(e)
  if not name then return nil end
  local t = self.info.types[name]
  if not t then
    self:problem(e, "unknown-type", words.unknown("记录类型", name, self.info.types))
  elseif t.sealed then
    self:problem(e, "sealed-type", ("%s（%s）是封存的，脚本不能读"):format(name, t.label))
  elseif not self.info.reads[name] then
    if t.restricted then
      self:problem(e, "reads", ("用了限制类的记录类型 %s，请在 reads 里写上"):format(name))
    end
    self.info.reads[name] = true
    self.found[#self.found + 1] = name
  end
  return t, name
end

function L:field_of(t, name, at, field)
  if not t.fields[field] then
    self:problem(at, "unknown-field", words.unknown(name .. " 的字段", field, t.fields))
  end
end

-- 表构造里的名字都要认得；返回名字 → 项。
function L:members(e, known, what)
  local out = {}
  if not e or e.tag ~= "table" then return out end
  for _, item in ipairs(e.items) do
    local name = literal(item.key)
    if name then
      out[name] = item.value
      if known and not known[name] then
        self:problem(item.key, "unknown-field", words.unknown(what, name, known))
      end
    end
  end
  return out
end

function L:where(t, name, e)
  if not t or not e or e.tag ~= "table" then return end
  for _, item in ipairs(e.items) do
    local field = literal(item.key)
    if field then self:field_of(t, name, item.key, field) end
  end
end

-- 一个表达式给出哪种记录；只认“就是这一次调用”的。
-- ctx:before(x) 与 x 同类，而 x 是什么要到最后才知道，所以先记下 x。
local function row_type(e)
  if e and e.tag == "method" and is_ctx(e.object) then
    if e.name == "find" then return literal(e.args[1]) end
    if e.name == "before" and e.args[1] and e.args[1].tag == "name" then return e.args[1].binding end
  end
end

-- ctx 的各个函数 ------------------------------------------------------------------------------------

local calls = {}

function calls.find(self, args) self:type_named(args[1]) end
function calls.history(self, args) self:type_named(args[1]) end
function calls.alive(self, args) self:type_named_only(args[1]) end

function calls.list(self, args)
  local t, name = self:type_named(args[1])
  self:where(t, name, args[2])
  self:members(args[3], LIST_OPTIONS, "选项")
end
calls.each = calls.list

function calls.count(self, args)
  local t, name = self:type_named(args[1])
  self:where(t, name, args[2])
end

function calls.sum(self, args)
  local t, name = self:type_named(args[1])
  local field = literal(args[2])
  if t and field then self:field_of(t, name, args[2], field) end
  self:where(t, name, args[3])
end

function calls.check(self, args)
  local op = literal(args[3])
  if op and not OPS[op] then
    self:problem(args[3], "unknown-op", ("ctx:check 没有判断符号 %s；可用 > >= < <= == ~="):format(op))
  end
end

function calls.alert(self, args, node)
  self:granted(node, "alert")
  local m = self:members(args[1], ALERT, "告警的字段")
  local level = literal(m.level)
  if level and not LEVELS[level] then
    self:problem(m.level, "unknown-level", words.unknown("级别", level, LEVELS))
  end
  if args[1] and args[1].tag == "table" then
    for _, name in ipairs { "key", "level", "title" } do
      if not m[name] then self:problem(args[1], "shape", ("ctx:alert 缺 %s"):format(name)) end
    end
  end
end

function calls.clear(self, args)
  local m = self:members(args[1], CLEAR, "ctx:clear 的字段")
  if args[1] and args[1].tag == "table" and not m.key then self:problem(args[1], "shape", "ctx:clear 缺 key") end
end

-- 场景的 may 里没有这一样后果；may 读不出来时不说。
function L:granted(at, effect)
  if self.info.may and not self.info.may[effect] then
    self:problem(at, "may", effect == "topic" and "ctx:topic：要提出议题，请写上 may = { \"alert\", \"topic\" }"
      or ("ctx:%s：may 里没有 \"%s\""):format(effect, effect))
  end
end

local function one_of(self, e, known, what)
  local name = literal(e)
  if name and not known[name] then self:problem(e, "unknown-name", words.unknown(what, name, known)) end
end

function calls.topic(self, args, node)
  self:granted(node, "topic")
  local m = self:members(args[1], TOPIC, "ctx:topic 的字段")
  one_of(self, m.kind, TOPIC_KINDS, "议题类别")
  one_of(self, m.origin, TOPIC_ORIGINS, "议题来源")
  if args[1] and args[1].tag == "table" then
    for _, name in ipairs { "key", "title", "kind" } do
      if not m[name] then self:problem(args[1], "shape", "ctx:topic 缺 " .. name) end
    end
  end
end

-- 数的是这几类记录；写了 cameras 才数城市眼事件。
function calls.keywords(self, args, node)
  local m = self:members(args[1], KEYWORDS, "ctx:keywords 的选项")
  local types = { "letter", "petition", "opinion_post", "keyword_dict", m.cameras and "camera_event" }
  for _, name in ipairs(types) do
    self:type_named { tag = "string", value = name, line = node.line, column = node.column }
  end
  if m.within and (m.from or m.to) then
    self:problem(m.within, "shape", "ctx:keywords 的 within 与 from、to 只能用一种")
  elseif m.to and not m.from then
    self:problem(m.to, "shape", "ctx:keywords 写了 to，也要写 from")
  end
end

function calls.alerts(self, args)
  local m = self:members(args[1], ALERTS, "ctx:alerts 的条件")
  local state = literal(m.state)
  if state and not STATES[state] then
    self:problem(m.state, "unknown-state", words.unknown("状态", state, STATES))
  end
end

-- 数据是否在更新，问的是目录里的数据集，不必写进 reads。
function L:type_named_only(e)
  local name = literal(e)
  if name and not self.info.types[name] then
    self:problem(e, "unknown-type", words.unknown("记录类型", name, self.info.types))
  end
end

-- 读源文本时的各个时机 ------------------------------------------------------------------------------

local H = {}

function H.global(self, node, is_write)
  if is_write then
    self:problem(node, "global", ("不能给全局变量 %s 赋值：请在前面加 local"):format(node.name))
  elseif not self.info.globals[node.name] and node.name ~= "_ENV" then
    local near = words.nearest(node.name, self.info.globals)
    self:problem(node, "global", ("没有定义的名字 %s%s"):format(node.name,
      near and "，是不是 " .. near .. "？" or "：是拼错了，还是前面少了 local？"))
  end
end

function H.method(self, node)
  if not is_ctx(node.object) then return end
  if not METHODS[node.name] then
    return self:problem(node, "unknown-call", words.unknown("函数", "ctx:" .. node.name, self.ctx_names))
  end
  if calls[node.name] then calls[node.name](self, node.args, node) end
end

function H.index(self, node)
  local object, field = node.object, node.key.value
  if is_ctx(object) then
    if not FIELDS[field] and not METHODS[field] then
      self:problem(node, "unknown-field", words.unknown("字段", "ctx." .. field, self.ctx_fields))
    end
  elseif object.tag == "index" and is_ctx(object.object) and object.key.value == "settings" then
    if not self.info.settings[field] then
      self:problem(node, "unknown-setting", words.unknown("参数", field, self.info.settings) ..
        (next(self.info.settings) and "" or "：请先在 settings 里声明"))
    end
  elseif object.tag == "name" and object.binding then
    self.uses[#self.uses + 1] = { binding = object.binding, field = field, at = node }
  end
end

-- require "std.x" 的名字。
local function module_name(e)
  if e.tag == "call" and e.fn.tag == "name" and e.fn.name == "require" and not e.fn.binding then return literal(e.args[1]) end
end

function H.bind(self, bindings, values)
  for i, b in ipairs(bindings) do
    local e = values[i]
    if e and (i < #values or #values == #bindings) then
      self.rows[b] = row_type(e)
      self.modules[b] = module_name(e)
    end
  end
end

function H.store(self, node)
  if node.object.tag == "name" and node.object.binding and not node.computed then
    self.stores[#self.stores + 1] = { binding = node.object.binding, at = node }
  end
end

function H.loop(self, bindings, values)
  local e = values[1]
  if not e then return end
  if e.tag == "method" and is_ctx(e.object) and e.name == "each" then
    self.rows[bindings[1]] = literal(e.args[1])
  elseif e.tag == "call" and e.fn.tag == "name" and e.fn.name == "ipairs" and bindings[2] then
    local list = e.args[1]
    if list and list.tag == "method" and is_ctx(list.object) and (list.name == "list" or list.name == "history") then
      self.rows[bindings[2]] = literal(list.args[1])
    end
  end
end

function H.assign(self, binding) self.changed[binding] = true end

-- 处理函数的第一个参数是那种记录；同一行有几个函数、或一个函数用于几种记录的，不猜。
function H.enter(self, fn)
  local seen = self.functions[fn.line]
  self.functions[fn.line] = { count = (seen and seen.count or 0) + 1, param = fn.params[1] }
end

function L:bind_handlers()
  local types_at = {}
  for _, h in ipairs(self.info.handlers) do
    types_at[h.line] = types_at[h.line] == nil and h.type or (types_at[h.line] == h.type and h.type)
  end
  for line, name in pairs(types_at) do
    local fn = self.functions[line]
    if name and fn and fn.count == 1 and fn.param then self.rows[fn.param] = name end
  end
end

-- 变量里是哪种记录；重新赋过值的不知道。
function L:row_of(binding)
  local name, depth = binding, 0
  while type(name) == "table" and depth < 8 do
    name, depth = not self.changed[name] and self.rows[name] or nil, depth + 1
  end
  return type(name) == "string" and self.info.types[name], name
end

function L:check_uses()
  for _, use in ipairs(self.uses) do
    local t, name = self:row_of(use.binding)
    local module = not self.changed[use.binding] and self.modules[use.binding]
    local known = module and self.info.module and self.info.module(module)
    if t then
      self:field_of(t, name, use.at, use.field)
    elseif known and not known[use.field] then
      self:problem(use.at, "unknown-call", words.unknown(module .. " 的函数", use.field, known))
    end
  end
  for _, store in ipairs(self.stores) do
    local t, name = self:row_of(store.binding)
    if t then self:problem(store.at, "read-only", ("%s 的记录是只读的，不能改"):format(name)) end
  end
end

-- 位置 ------------------------------------------------------------------------------------------

-- return 的表里各项在哪里：{ line, column, members = { 名字或编号 = 同样 } }。
local function positions(e)
  if not e then return nil end
  local out = { line = e.line, column = e.column }
  if e.tag == "table" then
    out.members, out.order = {}, {}
    local n = 0
    for _, item in ipairs(e.items) do
      local name = literal(item.key)
      if not item.key then
        n = n + 1
        name = tostring(n)
      end
      if name then
        local p = positions(item.value) or {}
        p.line, p.column = item.line, item.column
        out.members[name] = p
        out.order[#out.order + 1] = name
      end
    end
  end
  return out
end

local function prefixed(names, prefix)
  local out = {}
  for name in pairs(names) do out[prefix .. name] = true end
  return out
end

local function by_place(a, b)
  if a.line ~= b.line then return a.line < b.line end
  return (a.column or 0) < (b.column or 0)
end

local function check(text, info)
  local self = setmetatable({ info = info, problems = {}, uses = {}, stores = {}, rows = {}, modules = {},
    changed = {}, functions = {}, found = {},
    ctx_names = prefixed(METHODS, "ctx:"), ctx_fields = prefixed(FIELDS, "ctx.") }, L)
  local hooks = {}
  for name, fn in pairs(H) do
    hooks[name] = function(...) return fn(self, ...) end
  end
  local result = parse.parse(text, hooks)
  self:bind_handlers()
  self:check_uses()
  table.sort(self.problems, by_place)
  return self.problems, positions(result), self.found
end

return { check = check, methods = METHODS }
