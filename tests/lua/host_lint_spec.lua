local lint = require "host.lint"
local report = require "host.report"
local words = require "host.shape".words

local function all() return setmetatable({}, { __index = function() return true end }) end

local types = { ent_income = { label = "营收", fields = { ent_id = true, month = true, income_cny = true } },
                tax_month = { label = "税收", fields = { ent_id = true, tax_cny = true } } }

-- 问题写成 "行:列 代码"。
local function found(text, handlers)
  local out = {}
  local problems = lint.check(text, { types = types, settings = { least = true }, reads = all(), handlers = handlers or {},
    globals = { ipairs = true, pairs = true, ctx = true } })
  for i, p in ipairs(problems) do out[i] = p.line .. ":" .. p.column .. " " .. p.code end
  return table.concat(out, ", ")
end

it("knows the records that variables hold", function()
  same(found "local r = ctx:find('ent_income', 1)\nlocal x = r.mnth", "2:13 unknown-field")
  same(found "for r in ctx:each('tax_month', {}) do local x = r.month end", "1:51 unknown-field")
  same(found "local r = ctx:find('ent_income', 1) local q = ctx:before(r) local x = q.nope", "1:73 unknown-field")
  same(found("local function on(row, ctx)\n return row.nope end", { { line = 1, type = "ent_income" } }), "2:13 unknown-field")
end)

it("does not guess", function()
  same(found "local r = ctx:find('ent_income', 1) r = {} local x = r.nope", "")
  same(found "local r = ctx:find('ent_income', 1) or {} local x = r.nope", "")
  same(found("local a, b = function(r) return r.nope end, function(r) return r.nope end",
             { { line = 1, type = "ent_income" } }), "")
  same(found("local function on(row)\n return row.nope end",
             { { line = 1, type = "ent_income" }, { line = 1, type = "tax_month" } }), "")
end)

it("knows ctx", function()
  same(found "ctx:alrt {}", "1:5 unknown-call")
  same(found "local x = ctx.settings.most", "1:24 unknown-setting")
  same(found "local x = ctx.nwo", "1:15 unknown-field")
  same(found "ctx:alert { key = 1, level = 'reed', title = 2 }", "1:30 unknown-level")
end)

it("finds the nearest name", function()
  same(words.nearest("incme_cny", types.ent_income.fields), "income_cny")
  same(words.nearest("fnd", { find = true, each = true }), "find")
  same(words.nearest("zzz", { find = true, each = true }), nil)
  same(words.nearest("mxa", { max = true }), "max")
end)

it("puts settings into the order in which they are written", function()
  local settings = { { name = "a" }, { name = "b" }, { name = "c" } }
  local shape = { problems = {}, handlers = {}, manifest = { reads = {}, may = {}, settings = settings } }
  local r = report.check("return { settings = { c = {}, a = {}, b = {} } }", shape, nil, { types = types, globals = {} })
  same({ r.manifest.settings[1].name, r.manifest.settings[2].name, r.manifest.settings[3].name }, { "c", "a", "b" })
end)

it("finds the place of a path", function()
  local shape = { problems = { { path = { "examples", "2", "at" }, code = "shape", message = "m" } }, handlers = {} }
  local r = report.check("return {\n examples = { {},\n  { name = 1, at = 'x' } } }", shape, nil, { types = types, globals = {} })
  same({ r.problems[1].line, r.problems[1].column }, { 3, 15 })
end)

it("knows the functions that scripts/api/ctx.lua documents, and no others", function()
  local f = assert(io.open("scripts/api/ctx.lua"))
  local documented = {}
  for name in f:read("a"):gmatch("function ctx:([%w_]+)") do documented[name] = true end
  f:close()
  same(lint.methods, documented)
end)

it("knows the functions of a module", function()
  local info = { types = types, settings = {}, reads = all(), handlers = {}, globals = { require = true },
                 module = function(name) return name == "std.calendar" and { add_days = true } or nil end }
  local problems = lint.check("local c, x = require 'std.calendar', require 'office.org'\nreturn c.add_dayz, c.add_days, x.y",
                              info)
  same(#problems, 1)
  same({ problems[1].line, problems[1].column }, { 2, 10 })
end)

it("tells that records cannot be written", function()
  same(found "local r = ctx:find('ent_income', 1) r.month = 2", "1:39 read-only")
end)
