--- 查一个场景返回的表：字段、类型、编号都对得上，例子有报的也有不报的；顺便整理出它的“说明书”（manifest）。
--
-- check(scenario, host, id) → { problems = { { path, code, message, line? } }, manifest, handlers }
-- host 由 C 给：types 数据字典，offices receivers 编号集合，schedule/limit/moment 查写法，line_of 函数在第几行。
-- 在场景自己的沙箱里跑，所以表一律要求没有元表。

local words = {}

-- 两个名字差几笔（增、删、改、邻位互换各算一笔）。
local function distance(a, b)
  local before, last = {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local best = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      row[j] = best
    end
    before, last = last, row
  end
  return last[#b]
end

--- 最像的名字；都不像则为 nil。known 是以名字为键的表。
function words.nearest(name, known)
  local best, score
  for candidate in pairs(known) do
    if type(candidate) == "string" and math.abs(#candidate - #name) <= 3 then
      local d = distance(name, candidate)
      if d <= math.max(1, math.min(3, #name // 3)) and (not score or d < score) then best, score = candidate, d end
    end
  end
  return best
end

--- “没有 x”，后面带上最像的。
function words.unknown(what, name, known)
  local near = words.nearest(name, known)
  return ("没有%s%s %s%s"):format(what:find("^%w") and " " or "", what, name, near and "，是不是 " .. near .. "？" or "")
end

local function set(list)
  local s = {}
  for _, v in ipairs(list) do s[v] = true end
  return s
end

local LEVELS = set { "blue", "yellow", "orange", "red" }
local TOP = set { "title", "office", "shape", "settings", "on", "removed", "every", "wake", "life", "reads", "may", "also",
                  "bulk_guard", "rejudge", "examples" }
local SETTING = set { "label", "unit", "default", "type", "min", "max", "choices", "per" }
local EVERY = set { "at", "over", "where", "run" }
local LIFE = set { "close", "evidence", "results", "limits", "quiet", "hold", "flap" }
local LIMITS = set { "visit", "notify", "sign", "close" }
local CLOSES = set { "auto", "evidence", "auto+evidence" }
local SHAPES = set { "TH", "YOY", "JOIN", "ABS", "CNT", "AGG", "STATE", "DIFF", "BURST", "LIST", "SUS", "SCORE" }
local EFFECTS = set { "alert", "topic" }
local EXAMPLE = set { "name", "given", "removed", "at", "settings", "expect", "steps" }
local STEP = set { "given", "removed", "at", "actions", "settings", "expect" }
local EXPECT = set { "key", "level", "kind" }
local ACTION = set { "key", "action", "text", "evidence", "verdict" }

local C = {}
C.__index = C

function C:problem(path, code, message, line)
  if #self.problems >= 100 then return end
  local copy = {}
  for i, p in ipairs(path) do copy[i] = tostring(p) end
  self.problems[#self.problems + 1] = { path = copy, code = code, message = message, line = line }
end

local function join(path, ...)
  local out = {}
  for i, p in ipairs(path) do out[i] = p end
  for _, p in ipairs { ... } do out[#out + 1] = p end
  return out
end

local function show(path) return table.concat(path, ".") end

-- 是普通表才继续；nil 不算错（由 need 管）。
function C:plain(path, value)
  if type(value) ~= "table" then
    self:problem(path, "shape", ("%s 应是一张表，写的是 %s"):format(show(path), type(value)))
    return false
  end
  if getmetatable(value) ~= nil then
    self:problem(path, "shape", ("%s 不能带元表"):format(show(path)))
    return false
  end
  return true
end

function C:names(path, value, known, what)
  for name in pairs(value) do
    if type(name) ~= "string" then
      self:problem(path, "shape", ("%s 里不能有编号的项（%s）"):format(show(path), tostring(name)))
    elseif not known[name] then
      self:problem(join(path, name), "unknown-field", words.unknown(what, name, known))
    end
  end
end

-- 列表：键是 1…n。
function C:list(path, value)
  if not self:plain(path, value) then return false end
  local n = 0
  for k in pairs(value) do
    n = n + 1
    if math.type(k) ~= "integer" or k < 1 then
      self:problem(path, "shape", ("%s 应是列表 { …, … }，不能有名字 %s"):format(show(path), tostring(k)))
      return false
    end
  end
  if n ~= #value then
    self:problem(path, "shape", ("%s 中间有空缺"):format(show(path)))
    return false
  end
  return true
end

function C:text(path, value, max)
  if type(value) ~= "string" or value:match("^%s*$") then
    self:problem(path, "shape", ("%s 应是一段文字"):format(show(path)))
    return nil
  end
  local n = utf8.len(value)
  if not n or n > max or value:find("%c") then
    self:problem(path, "shape", ("%s 至多 %d 个字，不能换行"):format(show(path), max))
    return nil
  end
  return value
end

function C:optional_text(path, value, max)
  if value ~= nil then return self:text(path, value, max) end
end

function C:texts(path, value, known, what)
  if value == nil then return {} end
  if not self:list(path, value) then return {} end
  local seen = {}
  for i, v in ipairs(value) do
    if type(v) ~= "string" then
      self:problem(join(path, i), "shape", ("%s 里只能是文字"):format(show(path)))
      return {}
    elseif seen[v] then
      self:problem(join(path, i), "shape", ("%s 重复了 %s"):format(show(path), v))
    elseif known and not known[v] then
      self:problem(join(path, i), "unknown-name", words.unknown(what, v, known))
    end
    seen[v] = true
  end
  return value
end

function C:type_of(path, name)
  local t = self.host.types[name]
  if type(name) ~= "string" or not t then
    self:problem(path, "unknown-type", words.unknown("记录类型", tostring(name), self.host.types))
  elseif t.sealed then
    self:problem(path, "sealed-type", ("%s（%s）是封存的，脚本不能读"):format(name, t.label))
    return nil
  end
  return t
end

function C:used(path, name)
  local t = self:type_of(path, name)
  if not t or self.reads[name] then return end
  if t.restricted then
    self:problem(path, "reads", ("用了限制类的记录类型 %s，请在 reads 里写上"):format(name))
  end
  self.reads[name] = true
  self.read_list[#self.read_list + 1] = name
end

-- 参数 ------------------------------------------------------------------------------------------

-- 一项可选值写成 "编号 名字"，脚本里用的是编号。
local function code_of(choice)
  return type(choice) == "string" and choice:match "^%S+" or choice
end

-- 没有默认值的参数（type = "number"）在填写之前是 nil。
local function kind_of(s) return s.default == nil and s.type or type(s.default) end

local function fits(s, value)
  if type(value) ~= kind_of(s) then return "类型与 default 不同" end
  if type(value) == "number" then
    if value ~= value or value == math.huge or value == -math.huge then return "不是有限的数" end
    if s.min ~= nil and value < s.min then return ("小于 min %s"):format(s.min) end
    if s.max ~= nil and value > s.max then return ("大于 max %s"):format(s.max) end
  end
  if s.choices ~= nil then
    for _, c in ipairs(s.choices) do
      if code_of(c) == value then return nil end
    end
    return "不在 choices 里"
  end
end

-- 编号和给人看的名字分开；没有写名字的用编号。
local function choices_of(s)
  if not s.choices then return nil end
  local codes, labels = {}, {}
  for i, c in ipairs(s.choices) do
    codes[i], labels[i] = code_of(c), c:match "^%S+%s+(.+)$" or c
  end
  return codes, labels
end

function C:setting(path, s)
  if not self:plain(path, s) then return end
  self:names(path, s, SETTING, "参数的字段")
  self:text(join(path, "label"), s.label, 40)
  self:optional_text(join(path, "unit"), s.unit, 16)
  if s.type ~= nil and (s.type ~= "number" or s.default ~= nil) then
    return self:problem(join(path, "type"), "shape",
      ("%s.type 只用于没有 default 的参数，且只能写 \"number\""):format(show(path)))
  end
  local kind = kind_of(s)
  if kind ~= "number" and kind ~= "string" and kind ~= "boolean" then
    return self:problem(join(path, "default"), "shape", ("%s.default 须是数、文字或布尔"):format(show(path)))
  end
  for _, bound in ipairs { "min", "max" } do
    if s[bound] ~= nil and (kind ~= "number" or type(s[bound]) ~= "number") then
      return self:problem(join(path, bound), "shape", ("%s.%s 只用于数，也须是数"):format(show(path), bound))
    end
  end
  if s.min and s.max and s.min > s.max then
    return self:problem(join(path, "min"), "setting-range", ("%s 的 min 大于 max"):format(show(path)))
  end
  if s.choices ~= nil then
    if kind ~= "string" then
      return self:problem(join(path, "choices"), "shape", ("%s.choices 只用于文字"):format(show(path)))
    end
    if #self:texts(join(path, "choices"), s.choices) == 0 then
      return self:problem(join(path, "choices"), "shape", ("%s.choices 是空的"):format(show(path)))
    end
  end
  if s.per ~= nil and s.per ~= "community" then
    self:problem(join(path, "per"), "shape", ("%s.per 只能写 \"community\""):format(show(path)))
  end
  local why = s.default ~= nil and fits(s, s.default)
  if why then
    self:problem(join(path, "default"), "setting-range", ("%s 的 default %s"):format(show(path), why))
  end
  return true
end

function C:settings(t)
  local out = {}
  self.declared = {}
  if t.settings == nil or not self:plain({ "settings" }, t.settings) then return out end
  for name, s in pairs(t.settings) do
    local path = { "settings", tostring(name) }
    if type(name) ~= "string" or not name:match("^[%a_][%w_]*$") or #name > 40 then
      self:problem(path, "shape", ("参数名 %s 须由字母、数字、下划线组成"):format(tostring(name)))
    elseif self:setting(path, s) then
      self.declared[name] = s
      local codes, labels = choices_of(s)
      out[#out + 1] = { name = name, label = s.label, unit = s.unit, default = s.default,
                        type = s.type, min = s.min, max = s.max,
                        choices = codes, choice_labels = labels, per = s.per }
    end
  end
  return out
end

-- 现用的值（页面上改过的）在新版本里还合不合适；多余的名字不算错，它们会被丢掉。
function C:values(values)
  for name, value in pairs(values or {}) do
    local s = self.declared[name]
    local why = s and fits(s, value)
    if why then
      self:problem({ "settings", name }, "value-range", ("参数 %s 现在用的值 %s %s"):format(name, tostring(value), why))
    end
  end
end

-- 处理函数 ----------------------------------------------------------------------------------------

function C:handlers_of(t, field)
  local out = {}
  if t[field] == nil or not self:plain({ field }, t[field]) then return out end
  for name, fn in pairs(t[field]) do
    local path = { field, tostring(name) }
    self:used(path, name)
    if type(fn) ~= "function" then
      self:problem(path, "shape", ("%s 应是函数"):format(show(path)))
    else
      out[#out + 1] = name
      self.handlers[#self.handlers + 1] = { line = self.host.line_of(fn), type = name }
    end
  end
  return out
end

function C:where(path, type_name, where)
  local t = self.host.types[type_name]
  if not t or not self:plain(path, where) then return end
  for field, value in pairs(where) do
    if not t.fields[field] then
      self:problem(join(path, tostring(field)), "unknown-field",
        words.unknown(type_name .. " 的字段", tostring(field), t.fields))
    elseif type(value) ~= "string" and type(value) ~= "number" and type(value) ~= "boolean" then
      self:problem(join(path, field), "shape", ("%s.%s 须是文字、数或布尔"):format(show(path), field))
    end
  end
end

function C:shape(t)
  if t.shape == nil then return nil end
  if type(t.shape) ~= "string" or not t.shape:match "^%u[%u ]*$" then
    return self:problem({ "shape" }, "shape", "shape 应如 \"JOIN ABS\"")
  end
  for word in t.shape:gmatch "%u+" do
    if not SHAPES[word] then
      self:problem({ "shape" }, "shape", words.unknown("规则形态", word, SHAPES))
    end
  end
  return t.shape
end

function C:one_every(path, e)
  if not self:plain(path, e) then return end
  self:names(path, e, EVERY, "定时的字段")
  if type(e.at) ~= "string" then
    self:problem(join(path, "at"), "schedule", ("%s 缺 at，如 \"daily 07:00\""):format(show(path)))
  else
    local why = self.host.schedule(e.at)
    if why then self:problem(join(path, "at"), "schedule", why) end
  end
  if e.over ~= nil then
    self:used(join(path, "over"), e.over)
    if e.where ~= nil then self:where(join(path, "where"), e.over, e.where) end
  elseif e.where ~= nil then
    self:problem(join(path, "where"), "shape", ("%s 有 where 而没有 over"):format(show(path)))
  end
  if type(e.run) ~= "function" then
    return self:problem(join(path, "run"), "shape", ("%s 缺 run 函数"):format(show(path)))
  end
  if e.over then self.handlers[#self.handlers + 1] = { line = self.host.line_of(e.run), type = e.over } end
  return { at = e.at, over = e.over }
end

function C:every(t)
  local out = {}
  if t.every == nil or not self:list({ "every" }, t.every) then return out end
  for i, e in ipairs(t.every) do out[#out + 1] = self:one_every({ "every", i }, e) end
  return out
end

-- 了结 ------------------------------------------------------------------------------------------

function C:limit_text(path, value)
  local why = type(value) == "string" and self.host.limit(value) or type(value) ~= "string" and "须是文字"
  if why then
    self:problem(path, "limit", ("%s 写错了：%s（例：15min 4h 3d 4wh 3wd）"):format(show(path), why))
  end
end

function C:limits(path, limits)
  if not self:plain(path, limits) then return end
  local by_level = false
  for name in pairs(limits) do by_level = by_level or LEVELS[name] == true end
  if by_level then
    self:names(path, limits, LEVELS, "级别")
    for level, l in pairs(limits) do
      if LEVELS[level] and self:plain(join(path, level), l) then self:flat_limits(join(path, level), l) end
    end
  else
    self:flat_limits(path, limits)
  end
  return limits
end

function C:flat_limits(path, l)
  self:names(path, l, LIMITS, "时限")
  for name, value in pairs(l) do
    if LIMITS[name] then self:limit_text(join(path, name), value) end
  end
end

function C:life(t)
  local out = {}
  if t.life == nil or not self:plain({ "life" }, t.life) then return out end
  for kind, l in pairs(t.life) do
    local path = { "life", tostring(kind) }
    if type(kind) ~= "string" then
      self:problem(path, "shape", "life 的键是告警种类（kind）")
    elseif self:plain(path, l) then
      self:names(path, l, LIFE, "了结方式的字段")
      if not CLOSES[l.close] then
        self:problem(join(path, "close"), "shape", ("%s.close 须是 auto、evidence 或 auto+evidence"):format(show(path)))
      end
      local evidence = self:texts(join(path, "evidence"), l.evidence)
      if type(l.close) == "string" and l.close:find("evidence") and #evidence == 0 then
        self:problem(join(path, "evidence"), "shape", ("%s 要凭反馈了结，请在 evidence 里写明要哪些"):format(show(path)))
      end
      if l.quiet ~= nil then self:limit_text(join(path, "quiet"), l.quiet) end
      if l.hold ~= nil then
        self:limit_text(join(path, "hold"), l.hold)
        if type(l.hold) == "string" and l.hold:find("w[hd]$") then
          self:problem(join(path, "hold"), "limit", ("%s.hold 只能用自然时间，如 30min、2h、1d"):format(show(path)))
        end
      end
      if l.flap ~= nil and (math.type(l.flap) ~= "integer" or l.flap < 1 or l.flap > 50) then
        self:problem(join(path, "flap"), "shape", ("%s.flap 须是 1 至 50 的整数"):format(show(path)))
      end
      out[kind] = { close = l.close, evidence = evidence, results = self:texts(join(path, "results"), l.results),
                    limits = l.limits ~= nil and self:limits(join(path, "limits"), l.limits) or nil,
                    quiet = l.quiet, hold = l.hold, flap = l.flap }
    end
  end
  return out
end

-- 例子 ------------------------------------------------------------------------------------------

function C:given(path, given)
  if given == nil or not self:list(path, given) then return end
  for i, item in ipairs(given) do
    local at = join(path, i)
    if self:list(at, item) then
      local t = self:type_of(at, item[1])
      if #item ~= 2 then
        self:problem(at, "shape", ("%s 应写成 { \"类型\", { 字段 = 值 } }"):format(show(at)))
      elseif t and self:plain(at, item[2]) then
        for field in pairs(item[2]) do
          if not t.fields[field] then
            self:problem(at, "unknown-field",
              ("%s：%s"):format(show(at), words.unknown(item[1] .. " 的字段", tostring(field), t.fields)))
          end
        end
      end
    end
  end
end

function C:removed(path, removed)
  if removed == nil or not self:list(path, removed) then return end
  for i, item in ipairs(removed) do
    local at = join(path, i)
    if self:list(at, item) then
      self:type_of(at, item[1])
      if #item < 2 then self:problem(at, "shape", ("%s 应写成 { \"类型\", 主键… }"):format(show(at))) end
    end
  end
end

function C:expect(path, expect)
  if not self:list(path, expect) then return end
  for i, e in ipairs(expect) do
    local at = join(path, i)
    if self:plain(at, e) then
      self:names(at, e, EXPECT, "预期的字段")
      if type(e.key) ~= "string" then self:problem(at, "shape", ("%s 缺 key"):format(show(at))) end
      if not LEVELS[e.level] then
        self:problem(at, "shape", ("%s 的 level 须是 blue、yellow、orange 或 red"):format(show(at)))
      end
    end
  end
end

function C:actions(path, actions)
  if not self:list(path, actions) then return end
  for i, a in ipairs(actions) do
    local at = join(path, i)
    if self:plain(at, a) then
      self:names(at, a, ACTION, "动作的字段")
      if type(a.key) ~= "string" or type(a.action) ~= "string" then
        self:problem(at, "shape", ("%s 要有 key 和 action"):format(show(at)))
      end
    end
  end
end

-- 例子里的值；按社区设的可写成 { 社区 = 值, default = 全街道的值 }。
local function misfit(s, value)
  if s.per ~= "community" or type(value) ~= "table" then return fits(s, value) end
  for _, one in pairs(value) do
    local why = fits(s, one)
    if why then return why end
  end
end

function C:step(path, s)
  self:given(join(path, "given"), s.given)
  self:removed(join(path, "removed"), s.removed)
  if s.at ~= nil and (type(s.at) ~= "string" or not self.host.moment(s.at)) then
    self:problem(join(path, "at"), "shape", ("%s.at 须是时刻，如 2020-07-15T08:30:00+08:00"):format(show(path)))
  end
  if s.settings ~= nil and self:plain(join(path, "settings"), s.settings) then
    for name, value in pairs(s.settings) do
      local d = self.declared[name]
      local why = d and misfit(d, value)
      if not d then
        self:problem(join(path, "settings"), "unknown-setting",
          ("%s：%s"):format(show(path), words.unknown("参数", tostring(name), self.declared)))
      elseif why then
        self:problem(join(path, "settings"), "setting-range", ("%s 的参数 %s %s"):format(show(path), name, why))
      end
    end
  end
  if s.actions ~= nil then self:actions(join(path, "actions"), s.actions) end
  if s.expect ~= nil then self:expect(join(path, "expect"), s.expect) end
  return type(s.expect) == "table" and next(s.expect) ~= nil, type(s.expect) == "table"
end

-- 返回：是否有报的预期，是否有预期。
function C:example(path, x)
  if not self:plain(path, x) then return false, false end
  self:names(path, x, EXAMPLE, "例子的字段")
  local fires, says = self:step(path, x)
  if x.steps ~= nil and self:list(join(path, "steps"), x.steps) then
    for i, s in ipairs(x.steps) do
      if self:plain(join(path, "steps", i), s) then
        self:names(join(path, "steps", i), s, STEP, "步骤的字段")
        local f, y = self:step(join(path, "steps", i), s)
        fires, says = fires or f, says or y
      end
    end
  end
  if not says then self:problem(path, "example", ("%s 没有写 expect"):format(show(path))) end
  return fires, says
end

function C:examples(t)
  local names, seen, fires, quiet = {}, {}, false, false
  if t.examples ~= nil and self:list({ "examples" }, t.examples) then
    for i, x in ipairs(t.examples) do
      local path = { "examples", i }
      local f, says = self:example(path, x)
      fires = fires or f
      quiet = quiet or (says and not f)
      local name = type(x) == "table" and self:text(join(path, "name"), x.name, 100)
      if name and seen[name] then
        self:problem(join(path, "name"), "example", ("有两个例子都叫“%s”"):format(name))
      end
      names[#names + 1] = name or nil
      if name then seen[name] = true end
    end
  end
  if not fires then self:problem({ "examples" }, "example", "examples 里至少要有一个会报的例子") end
  if not quiet then self:problem({ "examples" }, "example", "examples 里至少要有一个不会报的例子（expect = {}）") end
  return names
end

-- 整个 ------------------------------------------------------------------------------------------

-- 某个 every 的 over 类型有这个字段
function C:is_over_field(t, field)
  for _, e in ipairs(type(t.every) == "table" and t.every or {}) do
    local d = type(e) == "table" and type(e.over) == "string" and self.host.types[e.over]
    if d and d.fields[field] then return true end
  end
  return false
end

function C:rejudge(t)
  local out = {}
  if t.rejudge == nil or not self:plain({ "rejudge" }, t.rejudge) then return out end
  for name, field in pairs(t.rejudge) do
    local path = { "rejudge", tostring(name) }
    local d = self:type_of(path, name)
    local from, by = field, nil
    if type(field) == "table" and self:plain(path, field) then from, by = next(field) end
    if d and (type(from) ~= "string" or not d.fields[from]) then
      self:problem(path, "unknown-field", words.unknown(name .. " 的字段", tostring(from), d.fields))
    elseif d and by ~= nil and not self:is_over_field(t, by) then
      self:problem(path, "unknown-field", ("%s：every 里没有哪个 over 的类型有字段 %s"):format(show(path), tostring(by)))
    elseif d then
      out[name] = by and { [from] = by } or from
    end
  end
  return out
end

function C:head(t)
  self:text({ "title" }, t.title, 40)
  if type(t.office) ~= "string" or not self.host.offices[t.office] then
    self:problem({ "office" }, "unknown-office", words.unknown("科室", tostring(t.office), self.host.offices))
  end
  for _, name in ipairs(self:texts({ "reads" }, t.reads)) do
    self:type_of({ "reads" }, name)
    self.reads[name] = true
    self.read_list[#self.read_list + 1] = name
  end
  if t.bulk_guard ~= nil and type(t.bulk_guard) ~= "boolean" then
    self:problem({ "bulk_guard" }, "shape", "bulk_guard 只能是 true 或 false")
  end
  if t.wake ~= nil and type(t.wake) ~= "function" then
    self:problem({ "wake" }, "shape", "wake 应是函数 function(key, data, ctx) … end")
  end
  self:texts({ "may" }, t.may, EFFECTS, "后果")
end

local function check(t, host, id, values)
  local self = setmetatable({ problems = {}, handlers = {}, reads = {}, read_list = {}, declared = {}, host = host, id = id }, C)
  if not self:plain({ "场景" }, t) then return { problems = self.problems, handlers = {} } end
  self:names({}, t, TOP, "字段")
  self:head(t)
  local manifest = { title = t.title, office = t.office, shape = self:shape(t), settings = self:settings(t),
    on = self:handlers_of(t, "on"), removed = self:handlers_of(t, "removed"), every = self:every(t), wake = t.wake ~= nil,
    reads = self.read_list, bulk_guard = t.bulk_guard == true, rejudge = self:rejudge(t),
    life = self:life(t) }
  manifest.may = type(t.may) == "table" and t.may or { "alert" }
  manifest.also = self:texts({ "also" }, t.also, host.told, "告知对象")
  if #manifest.on + #manifest.removed + #manifest.every == 0 then
    self:problem({ "every" }, "shape", "没有 on、removed 或 every：这个场景永远不会运行")
  end
  self:values(values)
  manifest.examples = self:examples(t)
  return { problems = self.problems, manifest = manifest, handlers = self.handlers }
end

return { check = check, words = words }
