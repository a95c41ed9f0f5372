-- error: more captures than there is room for
('a'):find(('()'):rep(100))
