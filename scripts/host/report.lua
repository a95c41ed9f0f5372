--- 把几处查出的问题合成一份：找到各项在源文本里的行列，去掉重复，按行排好；参数按写的次序排。
--
-- check(text, shape, fault, host) → { problems, manifest }
-- shape 是 host.shape 的结果（脚本装不起来时为 nil），fault 是装入时的错误 { line, column, code, message }。

local lint = require "host.lint"
local parse = require "host.parse"

local function everything() return setmetatable({}, { __index = function() return true end }) end

local function set(list)
  local s = {}
  for _, v in ipairs(list) do s[v] = true end
  return s
end

-- 共用模块里的名字；只认 std.*，它们读不到的名字本来就报错。
local function module_names(name)
  if not name:find("^std%.") then return nil end
  local ok, module = pcall(require, name)
  if not ok then return nil end
  local names = {}
  for k in pairs(module) do names[k] = true end
  return names
end

local function info_of(shape, host)
  local info = { types = host.types, globals = host.globals, handlers = {}, module = module_names }
  if not (shape and shape.manifest) then
    info.reads, info.settings = everything(), everything()
    return info
  end
  info.handlers, info.reads, info.settings = shape.handlers, set(shape.manifest.reads), {}
  info.may = set(shape.manifest.may)
  for _, s in ipairs(shape.manifest.settings) do info.settings[s.name] = true end
  return info
end

-- 沿路径走到能走到的最深处。
local function place(positions, path)
  local here = positions
  for _, name in ipairs(path) do
    local deeper = here and here.members and here.members[name]
    if not deeper then break end
    here = deeper
  end
  return here
end

local function line_starts(text)
  local starts, at = { 1 }, 1
  while true do
    local newline = text:find("\n", at, true)
    if not newline then return starts end
    at = newline + 1
    starts[#starts + 1] = at
  end
end

-- 字节列 → 字列（编辑器按字数列）。
local function to_characters(text, starts, p)
  local start = p.line and starts[p.line]
  if not start or not p.column then return p.column end
  local before = text:sub(start, start + p.column - 2)
  return (utf8.len(before) or #before) + 1
end

local function by_place(a, b)
  local x, y = a.line or 0, b.line or 0
  if x ~= y then return x < y end
  return (a.column or 0) < (b.column or 0)
end

local function order_settings(manifest, positions)
  local list = place(positions, { "settings" })
  if not (list and list.order) then return end
  local rank = {}
  for i, name in ipairs(list.order) do rank[name] = i end
  table.sort(manifest.settings, function(a, b)
    return (rank[a.name] or 1000000) < (rank[b.name] or 1000000)
  end)
end

local function gather(shape, fault, found, positions)
  local problems, at_line = {}, {}
  for _, p in ipairs(found) do
    problems[#problems + 1] = p
    at_line[p.line] = true
  end
  for _, p in ipairs(shape and shape.problems or {}) do
    local where = p.line and p or place(positions, p.path) or {}
    problems[#problems + 1] = { line = where.line, column = where.column, code = p.code, message = p.message }
  end
  if fault and not (fault.code == "load" and at_line[fault.line]) then problems[#problems + 1] = fault end
  return problems
end

-- Lua 只说行；列听自己的读法，读到同一行才算数。
local function syntax_column(text, fault)
  local ok, e = pcall(parse.parse, text)
  if not ok and type(e) == "table" and e.line == fault.line then fault.column = e.column end
end

local function check(text, shape, fault, host)
  local found, positions, types = {}, nil, {}
  if fault and fault.code == "syntax" then syntax_column(text, fault) end
  if not (fault and fault.code == "syntax") then
    local ok, a, b, c = pcall(lint.check, text, info_of(shape, host))
    if ok then
      found, positions, types = a, b, c
    elseif type(a) ~= "table" then
      error(a, 0)
    end
  end
  local problems = gather(shape, fault, found, positions)
  local starts = line_starts(text)
  local out, seen = {}, {}
  for _, p in ipairs(problems) do
    p.column = to_characters(text, starts, p)
    if (utf8.len(p.message) or 1000) > 300 then p.message = p.message:sub(1, (utf8.offset(p.message, 300) or 300) - 1) .. "…" end
    local id = (p.line or 0) .. "|" .. p.message
    if not seen[id] then out[#out + 1] = p end
    seen[id] = true
  end
  table.sort(out, by_place)
  local manifest = #out == 0 and shape and shape.manifest or nil
  if manifest then
    order_settings(manifest, positions)
    table.move(types, 1, #types, #manifest.reads + 1, manifest.reads)
  end
  return { problems = out, manifest = manifest }
end

return { check = check }
