local parse = require "host.parse"

-- 全局名字，按出现的次序："x" 读，"x=" 写。
local function globals(text)
  local out = {}
  parse.parse(text, { global = function(n, is_write) out[#out + 1] = n.name .. (is_write and "=" or "") end })
  return table.concat(out, " ")
end

it("tells locals from globals", function()
  same(globals "local a = b return a, c", "b c")
  same(globals "local a = a", "a")
  same(globals "local function f(x, ...) return x, f, y, ... end", "y")
  same(globals "local f = function() return f end", "f")
  same(globals "for i = 1, n do print(i) end return i", "n print i")
  same(globals "for k, v in pairs(t) do k = v end", "pairs t")
  same(globals "repeat local done = x until done", "x")
  same(globals "do local a = 1 end return a", "a")
  same(globals "local a <const>, b <close> = 1, 2 return a, b", "")
end)

it("tells writes from reads", function()
  same(globals "x = 1", "x=")
  same(globals "x, y.z = 1, 2", "y x=")
  same(globals "x.y = 1 x[1] = 2 x:m() x()", "x x x x")
  same(globals "function f() end function a.b() end function a:c() self.x = 1 end", "f= a a")
  same(globals "local x x = 1 function x() end", "")
end)

it("is not led astray by names that are no variables", function()
  same(globals "return { a = 1, ['b'] = 2, c; d }", "c d")
  same(globals "goto out ::out::", "")
  same(globals "return t.a.b:c { d = 1 }", "t")
  same(globals "return 'x', [[y]], [==[ ]] z ]==], \"\\\"w\" -- v\n --[[ u\n ]] --[==[ ]] ]==]", "")
  same(globals "return 0x1p4, 1e-5, .5, 3 .. 4, 0xA.8", "")
  same(globals "return a//b, a~b, ~a, a<<b, a>=b, a~=b, not a, #a, -a^2", "a b a b a a b a b a b a a a")
end)

it("knows line and column", function()
  local at = {}
  parse.parse("local a = 1\n  return bb,\n\tcc", { global = function(n) at[#at + 1] = n.line .. ":" .. n.column end })
  same(at, { "2:10", "3:2" })
end)

it("says where a text is broken", function()
  local ok, e = pcall(parse.parse, "local a = 1\nreturn a a")
  same(ok, false)
  same({ e.line, e.column }, { 2, 10 })
  ok, e = pcall(parse.parse, "x = 'abc")
  same({ ok, e.line }, { false, 1 })
end)

it("reads every script of the house as Lua does", function()
  local list = io.popen("ls scenarios/*.lua scripts/*/*.lua tests/lua/*.lua")
  for path in list:lines() do
    local f = assert(io.open(path))
    local text = f:read "a"
    f:close()
    same({ path, (pcall(parse.parse, text)) }, { path, true })
  end
  list:close()
end)

it("agrees with Lua's own compiler on globals", function()
  local probe = io.popen("command -v luac5.4")
  local luac = probe:read "l"
  probe:close()
  if not luac then return end
  local list = io.popen("ls scenarios/*.lua scripts/*/*.lua")
  for path in list:lines() do
    local f = assert(io.open(path))
    local ours, theirs = {}, {}
    parse.parse(f:read "a", { global = function(n, w) ours[#ours + 1] = (w and "SET " or "GET ") .. n.name end })
    f:close()
    local pipe = io.popen(luac .. " -l -l -p " .. path)
    local listing = pipe:read "a"
    pipe:close()
    for op, name in listing:gmatch '([GS]ET)TABUP%s+[^\n]*_ENV "([%w_]+)"' do
      theirs[#theirs + 1] = op .. " " .. name
    end
    -- beyond 255 constants the name is loaded by itself
    for name in listing:gmatch 'GETUPVAL[^\n]*_ENV%s*\n[^\n]*LOADK[^\n]*"([%w_]+)"' do
      theirs[#theirs + 1] = "GET " .. name
    end
    table.sort(ours)
    table.sort(theirs)
    same(path .. " " .. table.concat(ours, " "), path .. " " .. table.concat(theirs, " "))
  end
  list:close()
end)
