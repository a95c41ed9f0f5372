-- error: a precision of a thousand
('%.1000f'):format(1)
