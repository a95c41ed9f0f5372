-- error: os.execute
os.execute('id')
