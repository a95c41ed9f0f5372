-- error: debug.getregistry
debug.getregistry()
