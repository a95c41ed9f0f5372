--- 读 Lua 源文本（语法已由 Lua 自己查过）：认出名字的作用域，把看到的东西逐一告诉 hooks。
--
-- parse(text, hooks) 返回主块 return 的表达式。hooks 里的函数都可以不写：
--   global(node, is_write)        没有 local 的名字
--   method(node)                  a:b(…)，node.object node.name node.args
--   index(node)                   a.b，node.object node.key（文本节点）
--   bind(bindings, values)        local a, b = …
--   assign(binding)               给局部变量重新赋值
--   store(node)                   给 a.b 或 a[b] 赋值
--   loop(bindings, values)        for a, b in …
--   enter(fn)                     进入函数体：fn.line fn.params（已是绑定）
-- 节点都有 line 和 column（从 1 起的字节列）。

local parse = {}

local find, sub, byte = string.find, string.sub, string.byte

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
               return then true until while]]):gmatch("%a+") do keywords[word] = true end

-- 词法 ------------------------------------------------------------------------------------------

local function new_lexer(text)
  return { text = text, at = 1, line = 1, line_start = 1 }
end

local function fail(lx, what)
  error({ line = lx.line, column = lx.at - lx.line_start + 1, message = what }, 0)
end

-- 走到 stop 之后，数过这一段里的换行。只在这一段里找：整个文本可能就是一行。
local function skip_to(lx, stop)
  local piece, from = sub(lx.text, lx.at, stop), 1
  while true do
    local newline = find(piece, "\n", from, true)
    if not newline then break end
    lx.line, lx.line_start, from = lx.line + 1, lx.at + newline, newline + 1
  end
  lx.at = stop + 1
end

-- 长括号 [[…]] [==[…]==] 从 at 开始的话，返回内容起止和整个的结尾。
local function long_bracket(lx, at)
  local _, open, level = find(lx.text, "^%[(=*)%[", at)
  if not open then return nil end
  local from, stop = find(lx.text, "]" .. level .. "]", open + 1, true)
  if not from then fail(lx, "长文本没有结束") end
  return open + 1, from - 1, stop
end

local function skip_blank(lx)
  local text = lx.text
  while true do
    local _, stop = find(text, "^%s+", lx.at)
    if stop then skip_to(lx, stop) end
    if sub(text, lx.at, lx.at + 1) ~= "--" then
      if not stop then return end
    else
      local _, _, long = long_bracket(lx, lx.at + 2)
      skip_to(lx, long or (find(text, "\n", lx.at, true) or #text + 1) - 1)
    end
  end
end

local function read_string(lx, quote)
  local text, at, plain = lx.text, lx.at + 1, true
  while true do
    local stop = find(text, "[\"'\\]", at)
    if not stop then fail(lx, "文本没有结束") end
    local c = sub(text, stop, stop)
    if c == quote then
      local value = plain and sub(text, lx.at + 1, stop - 1) or nil
      return value, stop
    end
    if c == "\\" then
      plain = false
      at = stop + 2
      if sub(text, stop + 1, stop + 1) == "z" then
        local _, blank = find(text, "^%s*", stop + 2)
        at = blank + 1
      end
    else
      at = stop + 1
    end
  end
end

local function read_number(lx)
  local text = lx.text
  local _, stop = find(text, "^0[xX][%x%.]*", lx.at)
  local exponent = "^[pP][+-]?%d+"
  if not stop then
    _, stop = find(text, "^[%d%.]+", lx.at)
    exponent = "^[eE][+-]?%d+"
  end
  local _, more = find(text, exponent, stop + 1)
  return tonumber(sub(text, lx.at, more or stop)), more or stop
end

-- 下一个词：{ kind, value, line, column }；kind 是 name string number eof，或运算符、关键字本身。
local function read(lx)
  skip_blank(lx)
  local text, at = lx.text, lx.at
  local token = { line = lx.line, column = at - lx.line_start + 1 }
  local c = sub(text, at, at)
  local stop
  if c == "" then
    token.kind = "eof"
    return token
  elseif find(c, "[%a_]") then
    local _, last = find(text, "^[%w_]+", at)
    local word = sub(text, at, last)
    token.kind, token.value, stop = keywords[word] and word or "name", word, last
  elseif find(c, "%d") or (c == "." and find(text, "^%d", at + 1)) then
    token.kind = "number"
    token.value, stop = read_number(lx)
  elseif c == '"' or c == "'" then
    token.kind = "string"
    token.value, stop = read_string(lx, c)
  else
    local from, to, last = long_bracket(lx, at)
    if from then
      token.kind, token.value, stop = "string", sub(text, from, to), last
    else
      local op = sub(text, at, at + 2)
      if op ~= "..." then
        op = sub(op, 1, 2)
        if not find("== ~= <= >= // :: .. << >>", op, 1, true) or #op < 2 or find(op, "%s") then op = c end
      end
      token.kind, stop = op, at + #op - 1
    end
  end
  if token.kind == "string" then skip_to(lx, stop) else lx.at = stop + 1 end
  return token
end

-- 语法 ------------------------------------------------------------------------------------------

local P = {}
P.__index = P

function P:next()
  local token = self.token
  self.token = self.ahead or read(self.lx)
  self.ahead = nil
  return token
end

function P:peek()
  self.ahead = self.ahead or read(self.lx)
  return self.ahead
end

function P:is(kind) return self.token.kind == kind end

function P:accept(kind)
  if self.token.kind == kind then return self:next() end
end

function P:expect(kind)
  if self.token.kind ~= kind then
    error({ line = self.token.line, column = self.token.column, message = "这里应为 " .. kind }, 0)
  end
  return self:next()
end

function P:tell(what, ...)
  local hook = self.hooks[what]
  if hook then hook(...) end
end

function P:open() self.scope = { up = self.scope } end
function P:close() self.scope = self.scope.up end

function P:declare(token)
  local binding = { name = token.value, line = token.line, column = token.column }
  self.scope[token.value] = binding
  return binding
end

function P:lookup(name)
  local scope = self.scope
  while scope do
    if scope[name] then return scope[name] end
    scope = scope.up
  end
end

local function node(tag, token, fields)
  fields = fields or {}
  fields.tag, fields.line, fields.column = tag, token.line, token.column
  return fields
end

function P:table()
  local open = self:expect("{")
  local items = {}
  while not self:is("}") do
    local item = { line = self.token.line, column = self.token.column }
    if self:is("[") then
      self:next()
      item.key = self:expression()
      self:expect("]")
      self:expect("=")
    elseif self:is("name") and self:peek().kind == "=" then
      local name = self:next()
      item.key = node("string", name, { value = name.value })
      self:next()
    end
    item.value = self:expression()
    items[#items + 1] = item
    if not (self:accept(",") or self:accept(";")) then break end
  end
  self:expect("}")
  return node("table", open, { items = items })
end

function P:body(start, method)
  local fn = node("function", start, { params = {} })
  self:open()
  if method then
    fn.params[1] = self:declare { value = "self", line = start.line, column = start.column }
  end
  self:expect("(")
  while not self:is(")") do
    if self:accept("...") then break end
    fn.params[#fn.params + 1] = self:declare(self:expect("name"))
    if not self:accept(",") then break end
  end
  self:expect(")")
  self:tell("enter", fn)
  self:block()
  self:expect("end")
  self:close()
  return fn
end

function P:arguments()
  if self:is("string") then
    local s = self:next()
    return { node("string", s, { value = s.value }) }
  end
  if self:is("{") then return { self:table() } end
  self:expect("(")
  local args = {}
  if not self:is(")") then args = self:expressions() end
  self:expect(")")
  return args
end

function P:name_use(token)
  local use = node("name", token, { name = token.value, binding = self:lookup(token.value) })
  return use
end

-- 前缀表达式；is_target 时末尾的全局名字先不报，由赋值语句来定是读是写。
function P:suffixed(is_target)
  local e
  if self:is("(") then
    local open = self:next()
    e = node("paren", open, { value = self:expression() })
    self:expect(")")
  else
    e = self:name_use(self:expect("name"))
  end
  local pending = e.tag == "name" and not e.binding
  while true do
    local kind = self.token.kind
    if kind ~= "." and kind ~= "[" and kind ~= ":" and kind ~= "(" and kind ~= "{" and kind ~= "string" then break end
    if pending then
      self:tell("global", e, false)
      pending = false
    end
    if kind == "." then
      self:next()
      local name = self:expect("name")
      e = node("index", name, { object = e, key = node("string", name, { value = name.value }) })
      self:tell("index", e)
    elseif kind == "[" then
      local open = self:next()
      e = node("index", open, { object = e, key = self:expression(), computed = true })
      self:expect("]")
    elseif kind == ":" then
      self:next()
      local name = self:expect("name")
      e = node("method", name, { object = e, name = name.value })
      e.args = self:arguments()
      self:tell("method", e)
    else
      e = node("call", self.token, { fn = e })
      e.args = self:arguments()
      self:tell("call", e)
    end
  end
  if pending and not is_target then self:tell("global", e, false) end
  return e
end

function P:simple()
  local token = self.token
  local kind = token.kind
  if kind == "string" or kind == "number" then
    self:next()
    return node(kind, token, { value = token.value })
  elseif kind == "nil" or kind == "true" or kind == "false" or kind == "..." then
    self:next()
    return node(kind, token)
  elseif kind == "{" then
    return self:table()
  elseif kind == "function" then
    self:next()
    return self:body(token)
  end
  return self:suffixed()
end

local unary = { ["not"] = true, ["-"] = true, ["#"] = true, ["~"] = true }
local binary = {
  ["or"] = { 1, 1 }, ["and"] = { 2, 2 }, ["<"] = { 3, 3 }, [">"] = { 3, 3 }, ["<="] = { 3, 3 }, [">="] = { 3, 3 },
  ["~="] = { 3, 3 }, ["=="] = { 3, 3 }, ["|"] = { 4, 4 }, ["~"] = { 5, 5 }, ["&"] = { 6, 6 }, ["<<"] = { 7, 7 },
  [">>"] = { 7, 7 }, [".."] = { 9, 8 }, ["+"] = { 10, 10 }, ["-"] = { 10, 10 }, ["*"] = { 11, 11 },
  ["/"] = { 11, 11 }, ["//"] = { 11, 11 }, ["%"] = { 11, 11 }, ["^"] = { 14, 13 },
}

function P:expression(limit)
  limit = limit or 0
  local left
  local token = self.token
  if unary[token.kind] then
    self:next()
    left = node("op", token, { op = token.kind, self:expression(12) })
  else
    left = self:simple()
  end
  local power = binary[self.token.kind]
  while power and power[1] > limit do
    local op = self:next()
    left = node("op", op, { op = op.kind, left, self:expression(power[2]) })
    power = binary[self.token.kind]
  end
  return left
end

function P:expressions()
  local list = { self:expression() }
  while self:accept(",") do list[#list + 1] = self:expression() end
  return list
end

-- 语句 ------------------------------------------------------------------------------------------

local S = {}

function S.local_(self)
  if self:accept("function") then
    local name = self:expect("name")
    local binding = self:declare(name)
    binding.fn = self:body(name)
    return
  end
  local names = {}
  repeat
    names[#names + 1] = self:expect("name")
    if self:accept("<") then
      self:expect("name")
      self:expect(">")
    end
  until not self:accept(",")
  local values = self:accept("=") and self:expressions() or {}
  local bindings = {}
  for i, name in ipairs(names) do bindings[i] = self:declare(name) end
  self:tell("bind", bindings, values)
end

function S.function_(self)
  local first = self:expect("name")
  local e = self:name_use(first)
  local method, deep = false, false
  while self:is(".") or self:is(":") do
    deep = true
    method = self:next().kind == ":"
    self:expect("name")
    if method then break end
  end
  if not e.binding then
    self:tell("global", e, not deep)
  elseif not deep then
    self:tell("assign", e.binding)
  end
  self:body(first, method)
end

function S.for_(self)
  local names = { self:expect("name") }
  local numeric = self:is("=")
  while self:accept(",") do names[#names + 1] = self:expect("name") end
  self:expect(numeric and "=" or "in")
  local values = self:expressions()
  self:open()
  local bindings = {}
  for i, name in ipairs(names) do bindings[i] = self:declare(name) end
  if not numeric then self:tell("loop", bindings, values) end
  self:expect("do")
  self:block()
  self:expect("end")
  self:close()
end

function S.if_(self)
  repeat
    self:expression()
    self:expect("then")
    self:scoped()
  until not self:accept("elseif")
  if self:accept("else") then self:scoped() end
  self:expect("end")
end

-- repeat 的条件看得见块里的局部变量。
function S.repeat_(self)
  self:open()
  self:block()
  self:expect("until")
  self:expression()
  self:close()
end

function S.while_(self)
  self:expression()
  self:expect("do")
  self:scoped()
  self:expect("end")
end

local function is_call(e) return e.tag == "call" or e.tag == "method" end

function S.expression_(self)
  local targets = { self:suffixed(true) }
  if is_call(targets[1]) then return end
  while self:accept(",") do targets[#targets + 1] = self:suffixed(true) end
  self:expect("=")
  self:expressions()
  for _, target in ipairs(targets) do
    if target.tag == "index" then
      self:tell("store", target)
    elseif target.tag == "name" then
      if target.binding then self:tell("assign", target.binding) else self:tell("global", target, true) end
    end
  end
end

function P:scoped()
  self:open()
  self:block()
  self:close()
end

local ends = { eof = true, ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true }

function P:statement()
  local token = self.token
  local kind = token.kind
  if kind == ";" then self:next()
  elseif kind == "::" then
    self:next()
    self:expect("name")
    self:expect("::")
  elseif kind == "goto" then
    self:next()
    self:expect("name")
  elseif kind == "break" then self:next()
  elseif kind == "do" then
    self:next()
    self:scoped()
    self:expect("end")
  elseif kind == "local" or kind == "function" or kind == "for" or kind == "if" or kind == "repeat" or kind == "while" then
    self:next()
    S[kind .. "_"](self)
  else
    S.expression_(self)
  end
end

function P:block()
  while not ends[self.token.kind] do
    if self:accept("return") then
      local values = {}
      if not ends[self.token.kind] and not self:is(";") then values = self:expressions() end
      self:accept(";")
      return values
    end
    self:statement()
  end
end

--- 读一遍；返回主块 return 的第一个表达式（没有则为 nil）。写错的源文本抛 { line, column, message }。
function parse.parse(text, hooks)
  if byte(text) == 35 then text = "--" .. text end -- 首行 #! 由 Lua 跳过
  local self = setmetatable({ lx = new_lexer(text), hooks = hooks or {} }, P)
  self:next()
  self:open()
  local values = self:block()
  self:expect("eof")
  return values and values[1]
end

return parse
