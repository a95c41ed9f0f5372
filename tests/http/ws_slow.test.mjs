// One client's trouble is its own: slow, silent, too fast, signed out.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { change, probeFolder } from './lib/probe.mjs'
import { descriptors, sleep, startStreet } from './lib/server.mjs'
import { frame, openSocket, rawSocket } from './lib/ws.mjs'

let street
let key
let serial = 0

before(async () => {
  street = await startStreet({
    people: ['admin', 'office', 'editor'],
    scenarios: await probeFolder(),
    args: ['--alert-limit', '0']
  })
  key = await street.key('ent_change')
})
after(() => street.close())

const fresh = () => `S${String(++serial).padStart(5, '0')}`

async function raise(count) {
  const ids = Array.from({ length: count }, fresh)
  const answer = await street.send(key, 'ent_change', ids.map((id) => change(id)))
  assert.equal(answer.body.accepted, count, answer.text)
  return ids
}

async function listen(from = {}) {
  const socket = await openSocket(street.port, { cookie: await street.signIn('office') })
  const seen = []
  socket.onEvent((one) => seen.push(one))
  const answer = await socket.request({ type: 'subscribe', stream: 'alerts', ...from })
  return { socket, seen, answer }
}

async function waitFor(what, within = 15000) {
  const end = Date.now() + within
  while (!what()) {
    assert.ok(Date.now() < end, 'waited too long')
    await sleep(10)
  }
}

test('a slow client is dropped with 4429, resumes, and delays nobody', async () => {
  const slow = await listen()
  const healthy = await listen()
  slow.socket.pause()
  const ids = []
  for (let i = 0; i < 25; i++) {
    ids.push(...(await raise(120))) // a larger burst at once may be too much for a healthy client as well
    await waitFor(() => healthy.seen.length === ids.length, 30000)
  }
  const began = Date.now()
  const [probe] = await raise(1)
  await waitFor(() => healthy.seen.at(-1).event.data.key === probe)
  assert.ok(Date.now() - began < 2000, 'the healthy client had to wait')
  ids.push(probe)

  slow.socket.resume()
  assert.equal(await slow.socket.closed, 4429)
  assert.ok(slow.seen.length < ids.length)
  const last = slow.seen.at(-1) ?? slow.answer
  const again = await listen({ epoch: last.epoch, offset: last.offset })
  assert.equal(again.answer.recovered, ids.length - slow.seen.length)
  await waitFor(() => again.seen.length === again.answer.recovered, 30000)
  assert.deepEqual([...slow.seen, ...again.seen].map((one) => one.event.data.key), ids)
  await again.socket.close()
  await healthy.socket.close()
})

test('a client that never reads again is gone after a while, with its descriptor', async () => {
  const before = await descriptors(street.pid)
  const dead = await listen()
  dead.socket.pause()
  for (let i = 0; i < 4; i++) await raise(500)
  await sleep(12500) // 10 s to take the close code, then it is cut off
  assert.ok((await descriptors(street.pid)) <= before + 2)
  dead.socket.raw.destroy()
})

test('the end of a session closes its sockets within five seconds, and no others', async () => {
  const cookie = await street.signIn('office')
  const mine = await openSocket(street.port, { cookie })
  const other = await openSocket(street.port, { cookie: await street.signIn('office') })
  const began = Date.now()
  const out = await street.ask('DELETE', '/api/v1/session', { cookie })
  assert.equal(out.status, 204, out.text)
  await assert.rejects(
    mine.request({ type: 'command', name: 'scenario.pause', data: { scenario: 'probe' } }),
    (e) => e.status === 401 || /closed 4401/.test(e.message)
  )
  assert.equal(await mine.closed, 4401)
  assert.ok(Date.now() - began < 5000)
  assert.equal((await other.request({ type: 'ping' })).type, 'ok')
  await other.close()
})

test('a session that ends while the socket is silent closes it too', async () => {
  const cookie = await street.signIn('office')
  const silent = await openSocket(street.port, { cookie })
  const began = Date.now()
  await street.ask('DELETE', '/api/v1/session', { cookie })
  assert.equal(await silent.closed, 4401)
  assert.ok(Date.now() - began < 5000)
})

test('who does not say hello is shown the door', async () => {
  const cookie = await street.signIn('office')
  const raw = await rawSocket(street.port, { cookie })
  const code = await Promise.race([raw.closed, sleep(9000).then(() => 'still there')])
  assert.equal(code, 4408)
})

test('a wrong or missing session is told 401 and closed with 4401', async () => {
  for (const options of [{}, { cookie: `wangyi_session=${'x'.repeat(43)}` }, { token: 'wy_no_such_key' }]) {
    const socket = await openSocket(street.port, { ...options, hello: false })
    const hello = { type: 'hello', id: 0, ...(options.token && { token: options.token }) }
    await assert.rejects(socket.request(hello), { status: 401 })
    assert.equal(await socket.closed, 4401)
  }
  const early = await openSocket(street.port, { hello: false })
  await assert.rejects(early.request({ type: 'subscribe', stream: 'alerts' }), { status: 401 })
  early.raw.destroy()
})

test('more than a hundred frames a second are too many', async () => {
  const socket = await openSocket(street.port, { cookie: await street.signIn('office') })
  const ping = frame(JSON.stringify({ type: 'ping', id: 5 }))
  socket.write(Buffer.concat(Array(230).fill(ping))) // two seconds cannot hold so many
  assert.equal(await socket.closed, 4429)
})

test('connections and what they hold are given back', async () => {
  const cookie = await street.signIn('office')
  const before = await descriptors(street.pid)
  for (let round = 0; round < 3; round++) {
    const all = await Promise.all(Array.from({ length: 30 }, () => openSocket(street.port, { cookie })))
    for (const one of all) await one.request({ type: 'subscribe', stream: 'alerts' })
    all.forEach((one, i) => (i % 2 ? one.close() : one.raw.destroy()))
    await Promise.all(all.map((one) => one.closed))
  }
  await sleep(500)
  assert.ok((await descriptors(street.pid)) <= before + 1)
  assert.ok(await street.alive())
})

test('who missed more than ten thousand events is told that there is a gap', async () => {
  const first = await listen()
  const { epoch } = first.answer
  await first.socket.close()
  let last
  for (let i = 0; i < 21; i++) last = (await raise(500)).at(-1)
  const cookie = await street.signIn('admin')
  await waitForAlert(cookie, last)
  const now = await listen()
  const head = now.answer.offset
  await now.socket.close()
  const gap = await listen({ epoch, offset: head - 10001 })
  assert.equal(gap.answer.gap, true)
  assert.equal(gap.answer.offset, head)
  const just = await listen({ epoch, offset: head - 10000 })
  assert.equal(just.answer.recovered, 10000)
  await waitFor(() => just.seen.length === 10000, 30000)
  const offsets = just.seen.map((one) => one.offset)
  assert.deepEqual(offsets, Array.from({ length: 10000 }, (_, i) => head - 9999 + i))
  assert.equal(gap.seen.length, 0)
  await just.socket.close()
  await gap.socket.close()
})

test('who catches up while more is coming gets all of it in order', async () => {
  const first = await listen()
  await first.socket.close()
  const ids = []
  for (let i = 0; i < 4; i++) ids.push(...(await raise(400)))
  await waitForAlert(await street.signIn('admin'), ids.at(-1))
  const again = listen({ epoch: first.answer.epoch, offset: first.answer.offset })
  for (let i = 0; i < 20; i++) ids.push(...(await raise(50)))
  const { seen, answer, socket } = await again
  assert.ok(answer.recovered >= 1600)
  await waitFor(() => seen.length >= ids.length, 30000)
  assert.deepEqual(seen.map((one) => one.event.data.key), ids)
  await socket.close()
})

test('who subscribes again begins again from there', async () => {
  const { socket, seen, answer } = await listen()
  await raise(3)
  await waitFor(() => seen.length === 3)
  const again = { type: 'subscribe', stream: 'alerts', epoch: answer.epoch, offset: answer.offset + 1 }
  assert.equal((await socket.request(again)).recovered, 2)
  await waitFor(() => seen.length === 5)
  await raise(1)
  await waitFor(() => seen.length === 6)
  assert.deepEqual(seen.map((one) => one.offset - answer.offset), [1, 2, 3, 2, 3, 4])
  await socket.close()
})

test('a subscription may be taken back and asked for again while it is being read', async () => {
  const first = await listen()
  await first.socket.close()
  const ids = await raise(400)
  await waitForAlert(await street.signIn('admin'), ids.at(-1))
  const socket = await openSocket(street.port, { cookie: await street.signIn('office') })
  const seen = []
  socket.onEvent((one) => seen.push(one.event.data.key))
  const ask = { type: 'subscribe', stream: 'alerts', epoch: first.answer.epoch, offset: first.answer.offset }
  const [one, out, two] = await Promise.all([
    socket.request(ask).catch((e) => e),
    socket.request({ type: 'unsubscribe', stream: 'alerts' }),
    socket.request(ask)
  ])
  assert.equal(out.type, 'ok')
  assert.ok(one.status === 409 || one.recovered === 400, 'exactly one answer, whichever was first')
  assert.equal(two.recovered, 400)
  await waitFor(() => seen.length >= 400)
  await sleep(100)
  assert.deepEqual(seen.slice(-400), ids)
  await socket.close()
})

async function waitForAlert(cookie, id) {
  const end = Date.now() + 30000
  while (!(await street.ask('GET', `/api/v1/alerts?key=${id}`, { cookie })).body.items.length) {
    assert.ok(Date.now() < end, 'the alert was not raised')
    await sleep(50)
  }
}
