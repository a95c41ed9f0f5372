// The handshake and the frames: what the library would let through is refused by us.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sleep, startStreet } from './lib/server.mjs'
import { OP, frame, handshakeText, openSocket, rawSocket } from './lib/ws.mjs'

let street
let cookie

before(async () => {
  street = await startStreet({ people: ['admin', 'office'] })
  cookie = await street.signIn('office')
})
after(() => street.close())

test('a handshake is taken only as it should be', async () => {
  const port = street.port
  assert.equal((await rawSocket(port, { cookie })).status, 101)
  // Only browsers send Origin, and always: without one nobody can have been led here by a foreign page.
  assert.equal((await rawSocket(port, { origin: null })).status, 101)
  assert.equal((await rawSocket(port, { origin: null, cookie })).status, 101)
  const wrong = {
    'foreign origin': { origin: 'http://evil.example' },
    'origin with another port': { origin: `http://127.0.0.1:${port + 1}` },
    'origin that only begins like ours': { origin: `http://127.0.0.1:${port}.evil.example` },
    'null origin': { origin: 'null' },
    'no subprotocol': { protocol: null },
    'another subprotocol': { protocol: 'chat' },
    'version 7': { version: '7' },
    'version 8': { version: '8' },
    'no version': { version: null },
    'another path': { path: '/other' },
    POST: { method: 'POST', headers: ['Content-Length: 0'] },
    'no host': { host: null },
    'two cookies': { headers: [`Cookie: ${cookie}`] },
    'header through the URL': { path: `/ws%0aOrigin:%20http://127.0.0.1:${port}`, origin: null },
    'upgrade to something else': { headers: ['Upgrade: h2c'] }
  }
  for (const [name, options] of Object.entries(wrong)) {
    const raw = await rawSocket(port, { cookie, ...options })
    assert.notEqual(raw.status, 101, name)
    raw.socket.destroy()
  }
  assert.ok(await street.alive())
})

test('who is refused at the handshake is told why', async () => {
  const wrong = [[400, { protocol: 'chat' }], [400, { protocol: null }], [426, { version: '8' }],
    [403, { origin: 'http://evil.example' }], [404, { path: '/other' }]]
  for (const [status, options] of wrong) {
    const { text } = handshakeText({ port: street.port, cookie, ...options })
    const answer = await street.raw(text)
    assert.match(answer.text, new RegExp(`^HTTP/1.1 ${status} [^]*application/problem\\+json[^]*"status":${status},`))
    assert.ok(answer.closed)
  }
})

test('a handshake that comes byte by byte is one all the same', async () => {
  const { text } = handshakeText({ port: street.port, cookie })
  const answer = await street.raw([...text].map((c) => c), { quiet: 500 })
  assert.match(answer.text, /^HTTP\/1\.1 101 /)
})

const hello = JSON.stringify({ type: 'hello', id: 0 })

/** Says hello, sends the bytes, → the close code (0: cut off without one, null: still open). */
async function codeAfter(...bytes) {
  const raw = await rawSocket(street.port, { cookie })
  const texts = []
  raw.frames((one) => one.op === OP.text && texts.push(one.data.toString()))
  raw.write(frame(hello))
  while (!texts.length) await sleep(5)
  for (const one of bytes) {
    raw.write(one)
    await sleep(5)
  }
  const code = await Promise.race([raw.closed, sleep(600).then(() => null)])
  raw.socket.destroy()
  return { code, texts: texts.slice(1) }
}

const ping = (n = 0) => JSON.stringify({ type: 'ping', id: 5, pad: 'x'.repeat(n) })
const piece = (text, options) => frame(text, options)

test('fragments are put together, with control frames between them', async () => {
  const text = ping(100)
  const { code, texts } = await codeAfter(
    piece(text.slice(0, 20), { fin: false }),
    piece('hello', { op: OP.ping }),
    piece('', { op: OP.continuation, fin: false }),
    piece(text.slice(20, 60), { op: OP.continuation, fin: false }),
    piece(text.slice(60), { op: OP.continuation })
  )
  assert.equal(code, null)
  assert.deepEqual(texts.map(JSON.parse), [{ type: 'ok', id: 5 }])
})

test('a character cut in two by fragments is whole again', async () => {
  const bytes = Buffer.from(JSON.stringify({ type: 'ping', id: 5, note: '网驿' }))
  const cut = bytes.indexOf(Buffer.from('网')) + 1
  const { code, texts } = await codeAfter(
    frame(bytes.subarray(0, cut), { fin: false }),
    frame(bytes.subarray(cut), { op: OP.continuation })
  )
  assert.equal(code, null)
  assert.equal(texts.length, 1)
})

test('a frame cut into single bytes on its way is one message', async () => {
  const { code, texts } = await codeAfter(...[...frame(ping())].map((one) => Buffer.from([one])))
  assert.equal(code, null)
  assert.deepEqual(texts.map(JSON.parse), [{ type: 'ok', id: 5 }])
})

test('what is against the protocol or too large ends the connection', async () => {
  const fragments = [frame('{', { fin: false })]
  for (let i = 0; i < 70; i++) fragments.push(frame(' ', { op: OP.continuation, fin: false }))
  const empty = [frame('{', { fin: false })]
  for (let i = 0; i < 70; i++) empty.push(frame('', { op: OP.continuation, fin: false }))
  const cases = [
    ['not UTF-8', [frame(Buffer.from([0x22, 0xc3, 0x28, 0x22]))], [1007]],
    ['a surrogate in UTF-8', [frame(Buffer.from([0xed, 0xa0, 0x80]))], [1007]],
    ['reserved opcode 3', [frame('x', { op: 3 })], [1002, 0]],
    ['reserved opcode 11', [frame('x', { op: 11 })], [1002, 0]],
    ['reserved bit', [frame(ping(), { rsv: 4 })], [1002, 0]],
    ['continuation of nothing', [frame('x', { op: OP.continuation })], [1002, 0]],
    ['a fragmented ping', [frame('x', { op: OP.ping, fin: false })], [1002, 0]],
    ['a ping of 126 bytes', [frame('x'.repeat(126), { op: OP.ping })], [1002, 0]],
    ['binary', [frame(ping(), { op: OP.binary })], [4400]],
    ['no JSON', [frame('hello')], [4400]],
    ['no JSON object', [frame('[1]')], [4400]],
    ['empty', [frame('')], [4400]],
    ['64 KiB and one byte', [frame(ping(65536))], [4413]],
    ['2^62 bytes declared', [frame('abc', { declare: 2 ** 62 })], [4413, 1002, 1009, 0]],
    ['seventy fragments', [Buffer.concat(fragments)], [4413]],
    ['seventy empty fragments', [Buffer.concat(empty)], [4413]]
  ]
  for (const [name, bytes, codes] of cases) {
    const { code } = await codeAfter(...bytes)
    assert.ok(codes.includes(code), `${name}: ${code}`)
  }
  assert.ok(await street.alive())
})

test('a message of exactly 64 KiB is taken, before hello one of 16 KiB', async () => {
  const fill = (n) => ping(n - ping().length)
  assert.equal(fill(65536).length, 65536)
  const { code, texts } = await codeAfter(frame(fill(65536)))
  assert.equal(code, null)
  assert.equal(texts.length, 1)
  const raw = await rawSocket(street.port, { cookie })
  raw.write(frame(fill(16 * 1024 + 1)))
  assert.equal(await raw.closed, 4413)
})

// RFC 6455 5.1 wants the server to close; libwebsockets 4.1.6 reads such frames as if they were masked and gives
// its user no way to tell. Browsers always mask, so what is held here is that it gains nobody anything.
test('an unmasked frame is no more than a masked one', async () => {
  const { code, texts } = await codeAfter(frame(ping(), { mask: false }))
  assert.ok(code === 1002 || (code === null && texts.length === 1))
  const wrong = await codeAfter(frame(Buffer.from([0xc3, 0x28]), { mask: false }))
  assert.ok([1002, 1007].includes(wrong.code))
  const large = await codeAfter(frame(ping(65536), { mask: false }))
  assert.ok([1002, 4413].includes(large.code))
})

test('a close is answered in kind', async () => {
  for (const [data, codes] of [
    [Buffer.from([3, 232]), [1000]],
    [Buffer.from([0x11, 0x94]), [4500]],
    [Buffer.alloc(0), [1005]]
  ]) {
    const { code } = await codeAfter(frame(data, { op: OP.close }))
    assert.ok(codes.includes(code), `${data.toString('hex')}: ${code}`)
  }
})

test('noise of any kind leaves the server standing and others served', async () => {
  const other = await openSocket(street.port, { cookie })
  let seed = 12345
  const random = (n) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n
  for (let round = 0; round < 40; round++) {
    const raw = await rawSocket(street.port, { cookie })
    raw.frames(() => {})
    if (random(2)) raw.write(frame(hello))
    const bytes = Buffer.alloc(random(400) + 1)
    for (let i = 0; i < bytes.length; i++) bytes[i] = random(256)
    raw.write(random(2) ? bytes : frame(bytes, { op: random(16), fin: !random(3) }))
    await sleep(2)
    raw.socket.destroy()
  }
  assert.equal((await other.request({ type: 'ping' })).type, 'ok')
  await other.close()
  assert.ok(await street.alive())
})
