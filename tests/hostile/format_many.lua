-- error: more conversions than values
('%d'):rep(1000):format(1)
