-- scripts/api/ctx.lua names every function the engine registers for ctx, and no other.
-- Registered: rows of the luaL_Reg tables named ctx_… in core/engine/api_*.c.
local function read(path)
  local f = assert(io.open(path))
  local text = f:read("a")
  f:close()
  return text
end

local registered, count = {}, 0
local list = io.popen("ls core/engine/api_*.c 2>/dev/null")
for path in list:lines() do
  for name, body in read(path):gmatch("luaL_Reg%s+([%w_]+)%s*%[%s*%]%s*=%s*(%b{})") do
    if name:find("^ctx_") then
      for fn in body:gmatch('{%s*"([%w_]+)"') do registered[fn], count = path, count + 1 end
    end
  end
end
list:close()

local stubs = {}
for fn in read("scripts/api/ctx.lua"):gmatch("function ctx:([%w_]+)") do stubs[fn] = true end

local bad = false
local function say(...) print("  " .. string.format(...)); bad = true end
for fn, path in pairs(registered) do
  if not stubs[fn] then say("%s registers ctx:%s, scripts/api/ctx.lua does not know it", path, fn) end
end
if count > 0 then
  for fn in pairs(stubs) do
    if not registered[fn] then say("scripts/api/ctx.lua documents ctx:%s, the engine registers no such function", fn) end
  end
end
os.exit(not bad)
