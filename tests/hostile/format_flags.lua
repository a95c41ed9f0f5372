-- error: hundreds of flags
("%" .. ("-"):rep(500) .. "d"):format(1)
