// Raw bytes that must not reach a handler: dependencies.md 1.3 (nine guards), reliability.md F1–F8. After
// each of them the same process still answers.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { descriptors, sleep, startStreet } from './lib/server.mjs'

let street
before(async () => {
  street = await startStreet()
})
after(() => street.close())

const CRLF = '\r\n'
const lines = (...all) => all.join(CRLF) + CRLF + CRLF
const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((one) => Number(one[1]))
const POST = 'POST /api/v1/session HTTP/1.1'
const JSON_TYPE = 'Content-Type: application/json'
const GOOD = lines('GET /-/healthy HTTP/1.1', 'Host: a')

// Each: what is sent, and which statuses may come. [] = closed without a word.
const CASES = {
  'no Host': [lines('GET / HTTP/1.1'), [[400]]],
  'two Hosts': [lines('GET / HTTP/1.1', 'Host: a', 'Host: b'), [[400]]],
  'a line feed in the path makes no header': [
    lines('GET /x%0aX-Evil:%201 HTTP/1.1', 'Host: a'), [[400]]],
  'a line feed in the query makes no header': [
    lines('GET /-/healthy?a=%0aContent-Length:%2010 HTTP/1.1', 'Host: a'), [[400]]],
  'CR LF in the path': [lines('GET /x%0d%0aHost:%20evil HTTP/1.1', 'Host: a'), [[400], []]],
  'a NUL in the path': [lines('GET /x%00y HTTP/1.1', 'Host: a'), [[400], []]],
  'a control character in the path': [lines('GET /x%01y HTTP/1.1', 'Host: a'), [[400]]],
  'a path that is not UTF-8': [lines('GET /api/v1/records/%ff%fe HTTP/1.1', 'Host: a'), [[400]]],
  'an overlong path': [lines(`GET /${'a'.repeat(3000)} HTTP/1.1`, 'Host: a'), [[400], []]],
  'HTTP/9.9': [lines('GET / HTTP/9.9', 'Host: a'), [[400], []]],
  'no version': [lines('GET /', 'Host: a'), [[400], []]],
  'chunked': [
    lines(POST, 'Host: a', JSON_TYPE, 'Transfer-Encoding: chunked') + '3\r\n{}\n\r\n0\r\n\r\n', [[411]]],
  'chunked and a length': [
    lines(POST, 'Host: a', 'Transfer-Encoding: chunked', 'Content-Length: 3') + '{}\n', [[411]]],
  'an unknown coding': [
    lines(POST, 'Host: a', 'Transfer-Encoding: xchunked', 'Content-Length: 3') + '{}\n', [[411]]],
  'a POST without length': [lines(POST, 'Host: a', JSON_TYPE), [[411]]],
  'a negative length': [lines(POST, 'Host: a', 'Content-Length: -1'), [[400]]],
  'a length with a sign': [lines(POST, 'Host: a', 'Content-Length: +3') + '{}\n', [[400]]],
  'a length with letters': [lines(POST, 'Host: a', 'Content-Length: 3abc') + '{}\n', [[400]]],
  'a list of lengths': [lines(POST, 'Host: a', 'Content-Length: 3, 3') + '{}\n', [[400]]],
  'two lengths': [lines(POST, 'Host: a', 'Content-Length: 3', 'Content-Length: 30') + '{}\n', [[400]]],
  'two equal lengths': [lines(POST, 'Host: a', 'Content-Length: 3', 'Content-Length: 3') + '{}\n', [[400]]],
  'a length of 23 digits': [lines(POST, 'Host: a', 'Content-Length: 12345678901234567890123'), [[400]]],
  'a length beyond the limit': [lines(POST, 'Host: a', JSON_TYPE, 'Content-Length: 9999999999'), [[413]]],
  'a GET with a body': [lines('GET / HTTP/1.1', 'Host: a', 'Content-Length: 3') + '{}\n', [[400]]],
  'a DELETE with a body': [
    lines('DELETE /api/v1/session HTTP/1.1', 'Host: a', 'Content-Length: 3') + '{}\n', [[400]]],
  'two cookies': [lines('GET /api/v1/me HTTP/1.1', 'Host: a', 'Cookie: a=1', 'Cookie: b=2'), [[400]]],
  'two keys': [
    lines('GET /api/v1/me HTTP/1.1', 'Host: a', 'Authorization: Bearer a', 'Authorization: Bearer b'),
    [[400]]],
  'CONNECT': [lines('CONNECT / HTTP/1.1', 'Host: a') + 'SSH-2.0-x\r\n', [[], [400], [405]]],
  'CONNECT with an authority': [lines('CONNECT a:22 HTTP/1.1', 'Host: a'), [[], [400], [405]]],
  'TRACE': [lines('TRACE / HTTP/1.1', 'Host: a'), [[], [400], [405]]],
  'a method of its own': [lines('BREW / HTTP/1.1', 'Host: a'), [[], [400], [405]]],
  'h2c': [
    lines('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'), [[], [400], [403]]],
  'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [[], [400], [405]]],
  'a foreign upgrade': [
    lines('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: foo'), [[], [400], [403]]],
  'a header block of 20 KB': [lines('GET / HTTP/1.1', 'Host: a', `X-Big: ${'b'.repeat(20000)}`), [[], [400]]],
  'five hundred headers': [
    lines('GET / HTTP/1.1', 'Host: a', ...Array.from({ length: 500 }, (_, i) => `X-N${i}: ${'c'.repeat(40)}`)),
    [[], [400]]],
  'a header without a name': [lines('GET /-/healthy HTTP/1.1', 'Host: a', ': x'), [[], [200], [400]]],
  'TLS on a plain port': [Buffer.from('160301007a0100007603030011223344', 'hex'), [[], [400]]],
  'noise': [Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 7919) % 256)), [[], [400], [405]]]
}

for (const [name, [bytes, allowed]] of Object.entries(CASES)) {
  test(`${name}: refused, and the server lives`, async () => {
    const said = await street.raw(bytes, { quiet: 500 })
    const got = statuses(said.text)
    assert.ok(allowed.some((one) => one.join() === got.join()), `${name}: got ${got.join() || 'nothing'}\n${said.text}`)
    assert.doesNotMatch(said.text, /^X-Evil/im)
    if (got.length) assert.ok(said.closed, 'a refused framing closes the connection')
    assert.ok(await street.alive())
  })
}

test('the same inputs with some bytes changed at random do no harm', async () => {
  let state = Number(process.env.SEED || Date.now() % 1e9)
  console.log(`SEED=${state}`)
  const below = (n) => (state = (state * 1103515245 + 12345) % 2147483648) % n
  const inputs = [...Object.values(CASES).map((one) => Buffer.from(one[0])), Buffer.from(GOOD.repeat(3))]
  for (let round = 0; round < 8; round++) {
    await Promise.all(inputs.map((one) => {
      const bytes = Buffer.from(one)
      for (let i = 0; i <= below(4); i++) bytes[below(bytes.length)] = below(256)
      return street.raw(bytes, { quiet: 150 })
    }))
    assert.ok(await street.alive())
  }
})

test('connections that are gone are no longer counted', async () => {
  await sleep(300)
  const text = await (await fetch(street.url + '/metrics')).text()
  const open = Number(text.match(/^wangyi_connections (\d+)$/m)[1])
  assert.ok(open <= 5, `${open} connections are said to be open`)
})

test('a second request with a foreign upgrade on a kept connection is not served (CVE-2025-11677)', async () => {
  for (let i = 0; i < 20; i++) {
    const said = await street.raw(
      [GOOD, 50, lines('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', `Upgrade: ${'f'.repeat(1 + i * 40)}`)],
      { quiet: 200 })
    assert.notEqual(statuses(said.text)[1], 101)
  }
  assert.ok(await street.alive())
})

test('pipelined reading requests are each answered once, in order', async () => {
  const said = await street.raw(GOOD.repeat(21))
  assert.deepEqual(statuses(said.text), Array(21).fill(200))
})

test('bytes behind a body are not a second request', async () => {
  const body = '{"name":"nobody","password":"wrong words"}'
  const post = lines(POST, 'Host: a', JSON_TYPE, `Content-Length: ${body.length}`) + body
  const said = await street.raw(post + GOOD.repeat(30), { quiet: 1500 })
  assert.deepEqual(statuses(said.text), [401])
  assert.ok(said.closed)
  const before = await cpu()
  await street.raw([post, 5, 'x'.repeat(100000)], { quiet: 1500 })
  assert.ok((await cpu()) - before < 100, 'and the loop does not spin on them')
  assert.ok(await street.alive())
})

test('a client that waits for each answer keeps its connection, one that does not is closed', async () => {
  const body = '{"name":7}' // refused once it is read
  const post = lines(POST, 'Host: a', JSON_TYPE, `Content-Length: ${body.length}`) + body
  const patient = await street.raw([post, 200, GOOD, 200, post, 200, GOOD], { quiet: 500 })
  assert.deepEqual(statuses(patient.text), [400, 200, 400, 200])
  assert.ok(!patient.closed)
  for (const hasty of [[post.repeat(8)], Array(8).fill([post, 0]).flat(), Array(8).fill([post, 1]).flat()]) {
    const before = await cpu()
    const said = await street.raw(hasty, { quiet: 500 })
    assert.equal(statuses(said.text)[0], 400)
    if (hasty.length === 1) assert.ok(said.closed && statuses(said.text).length === 1)
    assert.ok((await cpu()) - before < 40, 'and the loop does not spin')
  }
  assert.ok(await street.alive())
})

async function cpu() {
  const { readFile } = await import('node:fs/promises')
  const fields = (await readFile(`/proc/${street.pid}/stat`, 'utf8')).split(') ')[1].split(' ')
  return Number(fields[11]) + Number(fields[12]) // hundredths of a second
}

test('changing requests without a body are answered at once', async () => {
  for (const method of ['DELETE', 'PUT', 'PATCH', 'POST']) {
    const said = await street.raw(
      lines(`${method} /api/v1/session HTTP/1.1`, 'Host: a', 'Content-Length: 0'), { quiet: 1000 })
    assert.equal(statuses(said.text).length, 1, method)
    assert.ok(said.ms < 900, `${method} took ${said.ms} ms`)
  }
})

test('requests byte by byte are understood', async () => {
  const body = '{"name":"admin","password":"no, not this"}'
  const all = lines(POST, 'Host: a', JSON_TYPE, `Content-Length: ${body.length}`) + body
  const said = await street.raw([...all].flatMap((one) => [one, 1]), { quiet: 1500 })
  assert.deepEqual(statuses(said.text), [401])
})

test('a refused body is read, so that the refusal arrives', async () => {
  const body = 'x'.repeat(3 << 20)
  const said = await street.raw(
    lines('POST /api/v1/nothing HTTP/1.1', 'Host: a', `Content-Length: ${body.length}`) + body, { quiet: 1500 })
  assert.deepEqual(statuses(said.text), [404])
})

test('a client that asks before it sends is told to go on, or why not', async () => {
  const head = (path) => lines(`POST ${path} HTTP/1.1`, 'Host: a', JSON_TYPE, 'Content-Length: 42', 'Expect: 100-continue')
  const go = await street.raw([head('/api/v1/session'), 200, '{"name":"nobody","password":"wrong words"}'], { quiet: 1500 })
  assert.deepEqual(statuses(go.text), [100, 401])
  const no = await street.raw(head('/api/v1/nothing'))
  assert.deepEqual(statuses(no.text), [404])
})

test('silent and slow clients go, and give back what they held', async () => {
  const base = await descriptors(street.pid)
  let gone = 0
  const slow = Array.from({ length: 40 }, (_, i) =>
    street.raw(i % 2 ? 'GET / HTTP/1.1\r\nHos' : '', { quiet: 20000 }))
  slow.forEach((one) => one.then(() => gone++))
  await sleep(300)
  assert.equal(gone, 0) // each is let in and given its time
  assert.ok(await street.alive())
  const said = await Promise.all(slow)
  for (const one of said) assert.ok(one.closed && one.ms < 19000, `still open after ${one.ms} ms`)
  await sleep(200)
  assert.ok((await descriptors(street.pid)) <= base + 2)
})

test('a slow body ends with the deadline of its request, however steadily it drips', async () => {
  const drip = Array.from({ length: 200 }, () => ['x', 250]).flat()
  const said = await street.raw(
    [lines(POST, 'Host: a', JSON_TYPE, 'Content-Length: 1000'), ...drip], { quiet: 40000 })
  assert.ok(said.closed && said.ms > 20000 && said.ms < 38000, `closed=${said.closed} after ${said.ms} ms`)
  assert.ok(await street.alive())
})

test('more than 200 connections of one address are not let in; the others go on', async () => {
  const { connect } = await import('node:net')
  const sockets = []
  let open = 0
  for (let i = 0; i < 260; i++) {
    const one = connect(street.port, '127.0.0.1')
    one.on('connect', () => open++)
    one.on('close', () => open--)
    one.on('error', () => {})
    sockets.push(one)
  }
  await sleep(600)
  assert.ok(open <= 200 && open >= 190, `${open} are open`)
  for (const one of sockets) one.destroy()
  await sleep(200)
  assert.ok(await street.alive())
})

test('a websocket must be asked for as the standard says, from our own pages', async () => {
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  const base = ['Connection: Upgrade', 'Upgrade: websocket', key]
  const ours = `Origin: http://127.0.0.1:${street.port}`
  const host = `Host: 127.0.0.1:${street.port}`
  const proto = 'Sec-WebSocket-Protocol: wangyi.v1.json'
  const v13 = 'Sec-WebSocket-Version: 13'
  const good = await street.raw(lines('GET /ws HTTP/1.1', host, ...base, v13, proto, ours))
  assert.deepEqual(statuses(good.text), [101])
  const bad = {
    'another path': ['GET /api/v1/me HTTP/1.1', host, ...base, v13, proto, ours],
    'POST': ['POST /ws HTTP/1.1', host, ...base, v13, proto, ours, 'Content-Length: 0'],
    'version 7': ['GET /ws HTTP/1.1', host, ...base, 'Sec-WebSocket-Version: 7', proto, ours],
    'no subprotocol': ['GET /ws HTTP/1.1', host, ...base, v13, ours],
    'a foreign subprotocol': ['GET /ws HTTP/1.1', host, ...base, v13, 'Sec-WebSocket-Protocol: chat', ours],
    'the http subprotocol': ['GET /ws HTTP/1.1', host, ...base, v13, 'Sec-WebSocket-Protocol: http', ours],
    'no Host': ['GET /ws HTTP/1.1', ...base, v13, proto, ours],
    'an Origin through the URL': [
      `GET /ws%20HTTP/1.1%0aOrigin:%20http://127.0.0.1:${street.port}%0aX: HTTP/1.1`, host, ...base, v13, proto],
    ...Object.fromEntries(['null', 'http://evil.example', `http://127.0.0.1:${street.port}.evil.example`,
      `https://127.0.0.1:${street.port}`, `http://127.0.0.1:${street.port + 1}`, 'http://127.0.0.1',
      `http://evil.example/http://127.0.0.1:${street.port}`, `x${ours.slice(8)}`]
      .map((origin) => [`Origin ${origin}`, ['GET /ws HTTP/1.1', host, ...base, v13, proto, `Origin: ${origin}`]])),
    'two Origins': ['GET /ws HTTP/1.1', host, ...base, v13, proto, ours, 'Origin: http://evil.example']
  }
  for (const [name, head] of Object.entries(bad)) {
    const said = await street.raw(lines(...head), { quiet: 300 })
    assert.ok(!statuses(said.text).includes(101), `${name} was let in`)
  }
  assert.ok(await street.alive())
})
