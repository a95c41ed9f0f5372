-- The editor's stubs and the modules must name the same functions.
local stubs = dofile(package.path:match("^(.-)/scripts") .. "/scripts/api/std.lua")

for name, stub in pairs(stubs) do
  it(("stub of std.%s names what the module has"):format(name), function()
    local missing = {}
    local module = require("std." .. name)
    for k, v in pairs(module) do
      if type(v) == "function" and not stub[k] then missing[#missing + 1] = "stub lacks " .. k end
    end
    for k in pairs(stub) do
      if not module[k] then missing[#missing + 1] = "module lacks " .. k end
    end
    table.sort(missing)
    same(missing, {})
  end)
end
