-- safe: a coroutine that resumes itself
local co co = coroutine.create(function() return coroutine.resume(co) end) local ok, a, b = coroutine.resume(co) if a then error 'ESCAPED' end
