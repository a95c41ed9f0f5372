// A websocket client of our own (RFC 6455), small enough to break the rules where a test wants to.
import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
export const OP = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 }

/** One frame as a client sends it. Options are there to make wrong ones. */
export function frame(payload, { op = OP.text, fin = true, mask = true, rsv = 0, declare } = {}) {
  const data = Buffer.isBuffer(payload) ? payload : Buffer.from(payload)
  const n = declare ?? data.length
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | op]
  const bit = mask ? 0x80 : 0
  if (n < 126) head.push(bit | n)
  else if (n < 65536) head.push(bit | 126, n >> 8, n & 255)
  else {
    const long = Buffer.alloc(8)
    long.writeBigUInt64BE(BigInt(n))
    head.push(bit | 127, ...long)
  }
  if (!mask) return Buffer.concat([Buffer.from(head), data])
  const key = randomBytes(4)
  const masked = Buffer.from(data)
  for (let i = 0; i < masked.length; i++) masked[i] ^= key[i & 3]
  return Buffer.concat([Buffer.from(head), key, masked])
}

/** Takes server frames out of bytes as they come: feed(bytes) → [{op, fin, data}]. */
function reader() {
  let rest = Buffer.alloc(0)
  return (bytes) => {
    rest = rest.length ? Buffer.concat([rest, bytes]) : bytes
    const out = []
    for (;;) {
      if (rest.length < 2) break
      let n = rest[1] & 127
      let at = 2
      if (n === 126) {
        if (rest.length < 4) break
        n = rest.readUInt16BE(2)
        at = 4
      } else if (n === 127) {
        if (rest.length < 10) break
        n = Number(rest.readBigUInt64BE(2))
        at = 10
      }
      if (rest.length < at + n) break
      out.push({ op: rest[0] & 15, fin: rest[0] >= 128, data: rest.subarray(at, at + n) })
      rest = rest.subarray(at + n)
    }
    return out
  }
}

export function handshakeText({
  port,
  path = '/ws',
  method = 'GET',
  cookie,
  tls = false,
  origin = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
  host = `127.0.0.1:${port}`,
  protocol = 'wangyi.v1.json',
  version = '13',
  key = randomBytes(16).toString('base64'),
  headers = []
}) {
  const lines = [`${method} ${path} HTTP/1.1`, 'Upgrade: websocket', 'Connection: Upgrade']
  if (host !== null) lines.push(`Host: ${host}`)
  lines.push(`Sec-WebSocket-Key: ${key}`)
  if (version !== null) lines.push(`Sec-WebSocket-Version: ${version}`)
  if (protocol !== null) lines.push(`Sec-WebSocket-Protocol: ${protocol}`)
  if (origin !== null) lines.push(`Origin: ${origin}`)
  if (cookie) lines.push(`Cookie: ${cookie}`)
  return { text: lines.concat(headers).join('\r\n') + '\r\n\r\n', key }
}

/**
 * The bare connection after a handshake: {status, socket, frames(fn), write(bytes), closed}. `status` is the
 * status of the answer, 0 if the server hung up without one. With `slow`, nothing is read until resume().
 */
export function rawSocket(port, options = {}) {
  return new Promise((done, fail) => {
    const { text, key } = handshakeText({ port, ...options })
    const socket = options.tls
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : connect(port, '127.0.0.1')
    let head = Buffer.alloc(0)
    let status = 0
    let onFrame = null
    const early = []
    const parse = reader()
    let code = 0
    let ended
    const closed = new Promise((one) => (ended = one))
    const take = (bytes) => {
      for (const one of parse(bytes)) {
        if (one.op === OP.close) {
          code = one.data.length >= 2 ? one.data.readUInt16BE(0) : 1005
          if (!options.deaf && !socket.destroyed) socket.end(frame(one.data, { op: OP.close }))
        }
        if (onFrame) onFrame(one)
        else early.push(one)
      }
    }
    const frames = (fn) => {
      onFrame = fn
      early.splice(0).forEach(fn)
    }
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on(options.tls ? 'secureConnect' : 'connect', () => socket.write(text))
    socket.on('close', () => {
      ended(code)
      done({ status, socket, frames, closed, write: () => {} })
    })
    socket.on('data', (bytes) => {
      if (status) return take(bytes)
      head = Buffer.concat([head, bytes])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      const lines = head.subarray(0, end).toString().split('\r\n')
      status = Number(lines[0].split(' ')[1])
      if (status === 101) {
        const want = createHash('sha1').update(key + GUID).digest('base64')
        const got = lines.find((one) => /^sec-websocket-accept:/i.test(one))
        if (got?.split(':')[1].trim() !== want) return fail(new Error('wrong accept key'))
      }
      const rest = head.subarray(end + 4)
      done({ status, socket, frames, closed, write: (data) => socket.write(data) })
      if (rest.length) take(rest)
    })
    setTimeout(() => socket.destroy(), options.within ?? 120000).unref()
  })
}

/**
 * A signed-in connection: hello is said and answered. request(message) resolves with the reply and rejects
 * with an Error that carries status, code and message of an "error" reply.
 */
export async function openSocket(port, options = {}) {
  const raw = await rawSocket(port, options)
  if (raw.status !== 101) throw Object.assign(new Error(`handshake: ${raw.status}`), raw)
  const waiting = new Map()
  const listeners = []
  const missed = []
  let lastId = 0
  let code = null

  raw.frames((one) => {
    if (one.op === OP.ping) return raw.write(frame(one.data, { op: OP.pong }))
    if (one.op !== OP.text) return
    const message = JSON.parse(one.data.toString())
    if (message.type === 'event') {
      if (listeners.length) listeners.forEach((fn) => fn(message))
      else missed.push(message)
      return
    }
    const request = waiting.get(message.id)
    waiting.delete(message.id)
    if (!request) return
    if (message.type !== 'error') return request.resolve(message)
    request.reject(Object.assign(new Error(message.message), message))
  })
  const closed = raw.closed.then((value) => {
    code = value
    for (const one of waiting.values()) one.reject(new Error(`closed ${value}`))
    return value
  })

  function request(message) {
    return new Promise((resolve, reject) => {
      if (code !== null) return reject(new Error(`closed ${code}`))
      const id = message.id ?? ++lastId
      waiting.set(id, { resolve, reject })
      raw.write(frame(JSON.stringify({ ...message, id })))
    })
  }
  function onEvent(fn) {
    listeners.push(fn)
    missed.splice(0).forEach(fn)
  }
  /** The next event for which `wanted` is true, from now on. */
  function event(wanted = () => true, within = 10000) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('no such event in time')), within)
      onEvent((one) => {
        if (!wanted(one)) return
        clearTimeout(late)
        resolve(one)
      })
    })
  }

  const socket = {
    request,
    onEvent,
    event,
    closed,
    raw: raw.socket,
    send: (text) => raw.write(frame(text)),
    write: raw.write,
    pause: () => raw.socket.pause(),
    resume: () => raw.socket.resume(),
    close: () => {
      raw.write(frame(Buffer.from([3, 232]), { op: OP.close }))
      return closed
    }
  }
  if (options.hello !== false) {
    const hello = { type: 'hello', id: 0 }
    if (options.token) hello.token = options.token
    socket.welcome = await request(hello)
  }
  return socket
}
