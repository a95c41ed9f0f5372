-- error: a width of ten thousand
('%10000d'):format(1)
