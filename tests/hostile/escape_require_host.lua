-- error: the host's own modules
require 'host.shape'
