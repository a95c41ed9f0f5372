// The one socket of the page, its state for the eye, and who listens to which stream.
import { onUnmounted, reactive } from 'vue'
import { api, ApiError } from '../shared/api.js'
import { createSocket } from '../shared/socket.js'
import { seenTime, setClock } from './clock.js'

const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
const socket = createSocket(`${scheme}//${location.host}/ws`)

export const connection = reactive({ name: 'reconnecting', retryAt: 0 })
const listeners = { alerts: new Set(), scenarios: new Set() }
let signedOut = () => {}

async function askTheTime() {
  try {
    setClock(await api.clock())
  } catch {
    // an older clock is better than none
  }
}

socket.on('state', (state) => {
  if (state.name === 'connected' && connection.name !== 'connected') askTheTime()
  Object.assign(connection, state)
})
socket.on('signedOut', () => signedOut())
window.addEventListener('online', socket.retryNow)
window.addEventListener('offline', socket.lose)
document.addEventListener('visibilitychange', () => document.hidden || socket.retryNow())

for (const [stream, set] of Object.entries(listeners)) {
  socket.subscribe(stream, {
    onEvent: (event) => {
      seenTime(event.time)
      set.forEach((fn) => fn.onEvent?.(event))
    },
    onReady: (how) => set.forEach((fn) => fn.onReady?.(how))
  })
}

export const live = {
  connect: socket.connect,
  disconnect: socket.disconnect,
  retryNow: socket.retryNow,
  whenSignedOut: (fn) => (signedOut = fn)
}

/** Listens to a stream for as long as the calling component is shown. */
export function listen(stream, handlers) {
  listeners[stream].add(handlers)
  onUnmounted(() => listeners[stream].delete(handlers))
}

// Over the socket when it is there, else over HTTP. A request that had left when the connection
// broke is not repeated: the caller has to look at what became of it ("uncertain").
async function overSocketOr(name, data, overHttp) {
  if (!socket.isReady()) return overHttp()
  try {
    return await socket.command(name, data)
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_connected') return overHttp()
    throw error
  }
}

export function actOnAlert(id, action, data) {
  return overSocketOr(`alert.${action}`, { alert: id, ...data }, () =>
    api.actOnAlert(id, { action, ...data })
  )
}

export function pauseScenario(id, reason) {
  return overSocketOr('scenario.pause', { scenario: id, reason }, () =>
    api.pauseScenario(id, reason)
  )
}

export function resumeScenario(id, data) {
  return overSocketOr('scenario.resume', { scenario: id, ...data }, () =>
    api.resumeScenario(id, data)
  )
}
