local org = require "office.org"
local records = require "office.records"

local TYPES = { string = 1, integer = 1, number = 1, boolean = 1, date = 1, datetime = 1, month = 1, strings = 1, enum = 1 }
local CYCLES = { yearly = 1, monthly = 1, daily = 1, hourly = 1, realtime = 1, change = 1, each = 1 }

local function each_type(fn)
  for _, t in ipairs(records.types) do
    local fields = {}
    for _, f in ipairs(t.fields) do fields[f.name] = f end
    local ok, why = pcall(fn, t, fields)
    if not ok then error(t.id .. ": " .. tostring(why), 0) end
  end
end

it("every record type is complete and owned by an office", function()
  local offices, seen = {}, {}
  for _, o in ipairs(org.offices) do offices[o.id] = true end
  each_type(function(t)
    same(seen[t.id], nil)
    seen[t.id] = true
    assert(t.label and t.source, "label and source")
    assert(offices[t.owner], "owner " .. tostring(t.owner))
    assert(CYCLES[t.cycle], "cycle " .. tostring(t.cycle))
  end)
  same(#records.types, 63) -- the 62 of the catalogue and system_alert
end)

it("every field has a known type and a label, and no name twice", function()
  each_type(function(t)
    local seen = {}
    for _, f in ipairs(t.fields) do
      same(seen[f.name], nil)
      seen[f.name] = true
      assert(TYPES[f.type], f.name .. " type")
      assert(f.label and f.label ~= "", f.name .. " label")
      same(f.type == "enum", f.choices ~= nil)
    end
  end)
end)

it("keys, times, events, scopes and indexes name fields", function()
  each_type(function(t, fields)
    for i, name in ipairs(t.key) do
      same(t.fields[i].name, name) -- keys stand first
      same(fields[name].required, true)
    end
    for _, name in ipairs(t.indexes) do
      assert(fields[name], name)
      assert(name ~= t.key[1], "index on the first key: " .. name)
    end
    if t.event then assert(fields[t.event].type:find "^date", t.event) end
    if t.time then assert(table.concat(t.key, " "):find(t.time, 1, true), t.time) end
    if t.scope then same(fields[t.scope].type, "month") end
  end)
end)

it("only identity is sealed and only it holds private fields", function()
  each_type(function(t)
    for _, f in ipairs(t.fields) do same(f.private == true, t.id == "identity" and f.name ~= "person_key") end
    same(t.sealed == true, t.id == "identity")
  end)
end)

it("gives every choice words of its own", function()
  each_type(function(t)
    for _, f in ipairs(t.fields) do
      if f.type == "enum" then
        same(#f.choice_labels, #f.choices)
        local seen = {}
        for i, label in ipairs(f.choice_labels) do
          assert(label:find "[\x80-\xFF]", t.id .. "." .. f.name .. ": " .. f.choices[i])
          assert(not seen[label], t.id .. "." .. f.name .. ": " .. label)
          seen[label] = true
        end
      end
    end
  end)
end)
