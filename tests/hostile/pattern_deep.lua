-- error: a pattern of ten thousand parts
('a'):rep(100):find(('a?'):rep(10000))
