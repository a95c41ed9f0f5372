-- What can be seen of the scenarios without the host: one shape, offices and types that exist, examples of both sides.
local org = require "office.org"
local records = require "office.records"

local root = package.path:match("^(.-)/scripts")
local offices, types = {}, {}
for _, o in ipairs(org.offices) do offices[o.id] = true end
for _, t in ipairs(records.types) do types[t.id] = true end

local FIELDS = { title = 1, office = 1, shape = 1, settings = 1, on = 1, removed = 1, every = 1, wake = 1, life = 1, reads = 1,
                 may = 1, also = 1, bulk_guard = 1, rejudge = 1, examples = 1 }

local function known(type) assert(types[type], "no such record type: " .. tostring(type)) end

local list = assert(io.popen(("ls '%s'/scenarios/*.lua"):format(root)))
for path in list:lines() do
  local id = path:match("([%w_]+)%.lua$")
  it(id .. " has the shape of a scenario", function()
    local s = dofile(path)
    for name in pairs(s) do assert(FIELDS[name], "unknown field " .. tostring(name)) end
    assert(s.title and offices[s.office], "title and office")
    for name, setting in pairs(s.settings or {}) do
      assert(setting.label, "setting without a label: " .. name)
      assert(setting.default ~= nil or setting.type == "number", "setting without a default: " .. name)
    end
    for _, type in ipairs(s.reads) do known(type) end
    for type in pairs(s.on or {}) do known(type) end
    for _, e in ipairs(s.every or {}) do
      assert(e.at and e.run)
      if e.over then known(e.over) end
    end
    for kind, life in pairs(s.life or {}) do
      assert(life.close == "auto" or life.close == "evidence" or life.close == "auto+evidence", "close of " .. kind)
    end
  end)
  it(id .. " shows when it fires and when it stays quiet", function()
    local fires, quiet, names = false, false, {}
    for _, example in ipairs(dofile(path).examples) do
      assert(example.name and not names[example.name], "example names differ: " .. tostring(example.name))
      names[example.name] = true
      for _, step in ipairs(example.steps or { example }) do
        for _, given in ipairs(step.given or {}) do known(given[1]) end
        if step.expect and #step.expect > 0 then fires = true end
        if step.expect and #step.expect == 0 then quiet = true end
      end
    end
    assert(fires and quiet, "needs both")
  end)
end
list:close()
