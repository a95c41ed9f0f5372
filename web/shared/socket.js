// One websocket to the server that mends itself: it knows where in each stream it stands
// (epoch + offset), asks for what it missed after a break, and says when that is not to be had.
// It knows nothing of Vue or of what the events mean.
import { ApiError } from './api.js'

const PROTOCOL = 'wangyi.v1.json'
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 15000
const OFFLINE_AFTER_MS = 60000 // as long as this without a connection is "offline"
const PING_EVERY_MS = 20000
const ANSWER_WITHIN_MS = 10000
const CLOSE_SIGNED_OUT = 4401
const CLOSE_TOO_SLOW = 4429

export function createSocket(url) {
  let ws = null
  let lastId = 0
  let tries = 0
  let lostAt = 0
  let retryTimer = 0
  let pingTimer = 0
  let wanted = false
  let ready = false // the server has welcomed us
  const waiting = new Map() // id → { resolve, reject, timer } of requests without an answer yet
  const streams = new Map() // name → { epoch, offset, onEvent, onReady, live }
  const listeners = { state: [], signedOut: [] }

  const tell = (kind, value) => listeners[kind].forEach((fn) => fn(value))

  function setState(name, retryAt = 0) {
    tell('state', { name, retryAt })
  }

  function send(frame) {
    ws.send(JSON.stringify(frame))
  }

  // Resolves with the answer frame; rejects with ApiError. "uncertain": the connection broke
  // after the request had left, so nobody here can say whether it was carried out.
  function ask(frame) {
    return new Promise((resolve, reject) => {
      if (!ws || ws.readyState !== WebSocket.OPEN) {
        reject(new ApiError({ code: 'not_connected' }))
        return
      }
      const id = frame.type === 'hello' ? 0 : ++lastId
      const timer = setTimeout(() => {
        waiting.delete(id)
        reject(new ApiError({ code: 'uncertain' }))
        lose()
      }, ANSWER_WITHIN_MS)
      waiting.set(id, { resolve, reject, timer })
      send({ ...frame, id })
    })
  }

  function settle(frame) {
    const request = waiting.get(frame.id)
    if (!request) return
    waiting.delete(frame.id)
    clearTimeout(request.timer)
    if (frame.type !== 'error') return request.resolve(frame)
    request.reject(
      new ApiError({ status: frame.status, code: frame.code, detail: frame.message || '' })
    )
  }

  async function join(name) {
    const stream = streams.get(name)
    const frame = { type: 'subscribe', stream: name }
    if (stream.epoch !== undefined)
      Object.assign(frame, { epoch: stream.epoch, offset: stream.offset })
    const answer = await ask(frame).catch((error) => {
      if (error.status === 403 || error.status === 404) return null // not for this person
      throw error
    })
    if (!answer) return
    // The missed events follow this answer: when it names some, our place must not jump ahead.
    if (!answer.recovered) stream.offset = answer.offset
    stream.epoch = answer.epoch
    const first = !stream.live
    stream.live = true
    stream.onReady({ first, gap: Boolean(answer.gap), recovered: answer.recovered || 0 })
  }

  function receive(frame) {
    if (frame.type !== 'event') return settle(frame)
    const stream = streams.get(frame.stream)
    if (!stream) return
    if (stream.epoch === frame.epoch && frame.offset <= stream.offset) return // seen before
    stream.epoch = frame.epoch
    if (frame.offset !== undefined) stream.offset = frame.offset // else it passes: progress
    stream.onEvent(frame.event)
  }

  async function greet() {
    try {
      await ask({ type: 'hello' })
      ready = true
      for (const name of streams.keys()) await join(name)
      tries = 0
      lostAt = 0
      setState('connected')
      pingTimer = setInterval(() => ask({ type: 'ping' }).catch(() => {}), PING_EVERY_MS)
    } catch (error) {
      if (error.status === 401) return signOut()
      ws?.close()
    }
  }

  function signOut() {
    disconnect()
    tell('signedOut')
  }

  function dropRequests() {
    for (const [id, request] of waiting) {
      waiting.delete(id)
      clearTimeout(request.timer)
      request.reject(new ApiError({ code: 'uncertain' }))
    }
  }

  function closed(event) {
    ws = null
    ready = false
    clearInterval(pingTimer)
    dropRequests()
    if (!wanted) return
    if (event.code === CLOSE_SIGNED_OUT) return signOut()
    lostAt = lostAt || Date.now()
    const base = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries++)
    const wait = event.code === CLOSE_TOO_SLOW ? 0 : base * (0.75 + Math.random() / 2)
    const offline = !navigator.onLine || Date.now() - lostAt > OFFLINE_AFTER_MS
    setState(offline ? 'offline' : 'reconnecting', Date.now() + wait)
    retryTimer = setTimeout(open, wait)
  }

  // Gives a connection up at once: the closing handshake of a dead one would take its time.
  function lose() {
    if (!ws) return
    const dead = ws
    dead.onopen = dead.onmessage = dead.onclose = null
    dead.close()
    closed({ code: 0 })
  }

  function open() {
    clearTimeout(retryTimer)
    if (!wanted || ws) return
    const mine = new WebSocket(url, PROTOCOL)
    ws = mine
    mine.onopen = greet
    mine.onmessage = (message) => {
      if (ws === mine) receive(JSON.parse(message.data))
    }
    mine.onclose = (event) => {
      if (ws === mine) closed(event)
    }
  }

  function connect() {
    wanted = true
    open()
  }

  function disconnect() {
    wanted = false
    clearTimeout(retryTimer)
    ws?.close(1000)
    ws = null
    ready = false
    clearInterval(pingTimer)
    dropRequests()
    for (const stream of streams.values()) {
      stream.epoch = stream.offset = undefined
      stream.live = false
    }
    tries = 0
    lostAt = 0
  }

  // The network is back or somebody pressed the button: do not sit out the wait.
  function retryNow() {
    if (wanted && !ws) open()
  }

  /**
   * onEvent(cloudEvent) for each event in order; onReady({first, gap, recovered}) after each
   * (re)connection: with `gap` the listener has to load its snapshot anew.
   */
  function subscribe(name, { onEvent, onReady }) {
    streams.set(name, { onEvent, onReady, live: false })
    if (ready) join(name).catch(() => ws?.close())
  }

  function command(name, data) {
    return ask({ type: 'command', name, data }).then((answer) => answer.result)
  }

  return {
    connect,
    disconnect,
    retryNow,
    lose,
    subscribe,
    command,
    on: (kind, fn) => listeners[kind].push(fn),
    isReady: () => ready
  }
}
