--- Runs tests/lua/NAME_spec.lua: `lua5.4 tests/lua/run.lua [NAME…]` from anywhere; no names = all of them.
-- A spec is a chunk that gets `it(sentence, fn)`, `same(got, want)` and `fails(fn, fragment)` as globals.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local root = here .. "/../.."
package.path = ("%s/scripts/?.lua;%s/?.lua;"):format(root, root) .. package.path

local passed, failed = 0, 0

local function show(v)
  if type(v) ~= "table" then return type(v) == "string" and ("%q"):format(v) or tostring(v) end
  local keys, parts = {}, {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do parts[i] = ("%s=%s"):format(tostring(k), show(v[k])) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

function same(got, want)
  local a, b = show(got), show(want)
  if a ~= b then error(("got %s, want %s"):format(a, b), 2) end
end

function fails(fn, fragment)
  local ok, message = pcall(fn)
  if ok then error("it did not fail", 2) end
  if fragment and not tostring(message):find(fragment, 1, true) then
    error(("failed with %q, want %q in it"):format(tostring(message), fragment), 2)
  end
end

function it(sentence, fn)
  local ok, message = pcall(fn)
  if ok then passed = passed + 1 else failed = failed + 1 end
  print(("%s %s%s"):format(ok and "ok  " or "FAIL", sentence, ok and "" or "\n       " .. tostring(message)))
end

local names = { table.unpack(arg) }
if #names == 0 then
  local list = assert(io.popen(("ls '%s'/*_spec.lua"):format(here)))
  for path in list:lines() do names[#names + 1] = path:match("([^/]+)_spec%.lua$") end
  list:close()
end
for _, name in ipairs(names) do
  print("# " .. name)
  local chunk, why = loadfile(("%s/%s_spec.lua"):format(here, name))
  if chunk then chunk() else it("loads", function() error(why, 0) end) end
  if failed > 0 then io.stderr:write(("  run alone: lua5.4 tests/lua/run.lua %s\n"):format(name)) end
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
