-- Lua 5.4 of the host; what scripts may use is narrower and checked by the host itself.
std = "lua54"
max_line_length = 130
codes = true
exclude_files = { "scripts/api/**" }
files["tests/lua/**"] = { globals = { "it", "same", "fails" } }
