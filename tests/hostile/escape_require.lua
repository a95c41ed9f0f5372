-- error: require of something else
require 'os'
