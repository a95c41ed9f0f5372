// The socket against a server made of a few lines: resume, gap, commands, signing out.
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'

const sockets = []

class FakeWebSocket {
  static OPEN = 1
  constructor() {
    this.readyState = 0
    this.sent = []
    sockets.push(this)
    queueMicrotask(() => {
      this.readyState = 1
      this.onopen?.()
    })
  }
  send(text) {
    const frame = JSON.parse(text)
    this.sent.push(frame)
    if (frame.type === 'hello') this.receive({ type: 'welcome', id: frame.id, epoch: 'e1' })
  }
  receive(frame) {
    queueMicrotask(() => this.onmessage?.({ data: JSON.stringify(frame) }))
  }
  close(code = 1006) {
    if (this.readyState === 3) return
    this.readyState = 3
    queueMicrotask(() => this.onclose?.({ code }))
  }
}

globalThis.WebSocket = FakeWebSocket
Object.defineProperty(globalThis, 'navigator', { value: { onLine: true }, configurable: true })
const { createSocket } = await import('../shared/socket.js')

const soon = (ms = 5) => new Promise((resolve) => setTimeout(resolve, ms))
const last = () => sockets[sockets.length - 1]
const frame = (type) => last().sent.find((one) => one.type === type)
const event = (offset) => ({
  type: 'event',
  stream: 'alerts',
  epoch: 'e1',
  offset,
  event: { id: `${offset}` }
})

let socket
let events
let readies
let states

async function connected() {
  socket.connect()
  await soon()
  last().receive({
    type: 'ok',
    id: frame('subscribe').id,
    epoch: 'e1',
    offset: 10,
    recovered: 0
  })
  await soon()
}

async function reconnected() {
  last().close()
  const before = sockets.length
  while (sockets.length === before) {
    socket.retryNow()
    await soon()
  }
  await soon()
}

beforeEach(() => {
  socket?.disconnect()
  sockets.length = 0
  events = []
  readies = []
  states = []
  socket = createSocket('ws://street/ws')
  socket.on('state', (state) => states.push(state.name))
  socket.subscribe('alerts', {
    onEvent: (one) => events.push(one.id),
    onReady: (how) => readies.push(how)
  })
})

after(() => socket.disconnect())

test('the first subscription names no place; events count only once', async () => {
  await connected()
  assert.equal(frame('subscribe').offset, undefined)
  assert.deepEqual(readies, [{ first: true, gap: false, recovered: 0 }])
  for (const offset of [11, 12, 12, 11]) last().receive(event(offset))
  await soon()
  assert.deepEqual(events, ['11', '12'])
  assert.deepEqual(states, ['connected'])
})

test('after a break it asks from where it stood and takes what it missed', async () => {
  await connected()
  last().receive(event(11))
  await soon()
  await reconnected()
  const again = frame('subscribe')
  assert.equal(again.epoch, 'e1')
  assert.equal(again.offset, 11)
  last().receive({ type: 'ok', id: again.id, epoch: 'e1', offset: 13, recovered: 2 })
  last().receive(event(12))
  last().receive(event(13))
  await soon()
  assert.deepEqual(events, ['11', '12', '13'])
  assert.deepEqual(readies[1], { first: false, gap: false, recovered: 2 })
  assert.deepEqual(states, ['connected', 'reconnecting', 'connected'])
})

test('a gap is told, and the new place is taken', async () => {
  await connected()
  await reconnected()
  last().receive({ type: 'ok', id: frame('subscribe').id, gap: true, epoch: 'e2', offset: 500 })
  await soon()
  assert.deepEqual(readies[1], { first: false, gap: true, recovered: 0 })
  last().receive({ ...event(501), epoch: 'e2' })
  await soon()
  assert.deepEqual(events, ['501'])
})

test('a command gets its own answer; an error carries status and sentence', async () => {
  await connected()
  const done = socket.command('alert.sign', { alert: 'A' })
  const refused = socket.command('alert.close', { alert: 'A' })
  const [one, two] = last().sent.filter((sent) => sent.type === 'command')
  last().receive({
    type: 'error',
    id: two.id,
    status: 409,
    code: 'conflict',
    message: '已更新'
  })
  last().receive({ type: 'ok', id: one.id, result: { id: 'A' } })
  assert.deepEqual(await done, { id: 'A' })
  await assert.rejects(refused, { status: 409, code: 'conflict', detail: '已更新' })
})

test('a command under way when the connection breaks is uncertain, later ones are refused', async () => {
  await connected()
  const command = socket.command('alert.sign', { alert: 'A' })
  last().close()
  await assert.rejects(command, { code: 'uncertain' })
  await assert.rejects(socket.command('alert.sign', {}), { code: 'not_connected' })
})

test('the close code of an ended session is not answered with a new try', async () => {
  let gone = 0
  socket.on('signedOut', () => gone++)
  await connected()
  last().close(4401)
  await soon(20)
  assert.equal(gone, 1)
  assert.equal(sockets.length, 1)
})
