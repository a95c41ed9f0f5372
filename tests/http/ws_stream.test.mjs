// Events over the websocket: who hears what, in which order, and that nothing is lost or told twice.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { change, probeFolder } from './lib/probe.mjs'
import { sleep, startStreet } from './lib/server.mjs'
import { openSocket } from './lib/ws.mjs'

let street
let key
let serial = 0

before(async () => {
  street = await startStreet({
    people: ['admin', 'leader', 'office', 'safety', 'editor', 'community'],
    scenarios: await probeFolder(),
    args: ['--alert-limit', '0']
  })
  key = await street.key('ent_change')
})
after(() => street.close())

const fresh = () => `T${String(++serial).padStart(5, '0')}`

async function raise(ids, more) {
  const answer = await street.send(key, 'ent_change', ids.map((id) => change(id, more)))
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.rejected.length, 0, answer.text)
}

async function listen(name, from) {
  const cookie = await street.signIn(name)
  const socket = await openSocket(street.port, { cookie })
  const seen = []
  socket.onEvent((one) => seen.push(one))
  const answer = await socket.request({ type: 'subscribe', stream: 'alerts', ...from })
  return { socket, seen, answer, cookie }
}

const keys = (seen) => seen.map((one) => one.event.data.key)

/** Waits until `seen` holds an event of each of these alerts. */
async function until(seen, ids, within = 10000) {
  const end = Date.now() + within
  while (!ids.every((id) => keys(seen).includes(id))) {
    assert.ok(Date.now() < end, `missing events; seen ${keys(seen).join(' ')}\n${street.log.slice(-20).join('')}`)
    await sleep(10)
  }
}

async function alertOf(cookie, id) {
  const answer = await street.ask('GET', `/api/v1/alerts?key=${id}`, { cookie })
  assert.equal(answer.status, 200, answer.text)
  return answer.body.items[0]
}

test('hello is answered with who one is and which epoch this is', async () => {
  const socket = await openSocket(street.port, { cookie: await street.signIn('office') })
  assert.equal(socket.welcome.type, 'welcome')
  assert.equal(socket.welcome.user.name, 'office')
  assert.equal(socket.welcome.user.office, 'regional_dev')
  assert.match(socket.welcome.epoch, /^[0-9a-z]{26}$/)
  assert.equal((await socket.request({ type: 'ping' })).type, 'ok')
  assert.equal((await socket.request({ type: 'hello' })).user.name, 'office')
  await assert.rejects(socket.request({ type: 'hello', token: key }), { status: 409 })
  await assert.rejects(socket.request({ type: 'subscribe', stream: 'nothing' }), { status: 404 })
  await assert.rejects(socket.request({ type: 'dance' }), { status: 400 })
  assert.equal(await socket.close(), 1000)
})

test('an alert arrives as a CloudEvent with a dense offset', async () => {
  const { socket, seen, answer } = await listen('office')
  assert.equal(answer.recovered, 0)
  const id = fresh()
  await raise([id])
  await until(seen, [id])
  const { type, stream, epoch, offset, event } = seen[0]
  assert.equal(type, 'event')
  assert.equal(stream, 'alerts')
  assert.equal(epoch, answer.epoch)
  assert.equal(offset, answer.offset + 1)
  assert.equal(event.specversion, '1.0')
  assert.equal(event.id, String(offset))
  assert.equal(event.type, 'wangyi.alert.raised')
  assert.equal(event.source, `/alerts/${event.data.id}`)
  assert.equal(event.datacontenttype, 'application/json')
  assert.equal(event.data.state, 'new')
  assert.match(event.time, /\+08:00$/)
  await socket.close()
})

test('each sees what is theirs and nothing else', async () => {
  const [office, safety, community, admin] = await Promise.all(
    ['office', 'safety', 'community', 'admin'].map((name) => listen(name))
  )
  const [mine, theirs, elsewhere] = [fresh(), fresh(), fresh()]
  await raise([mine])
  await raise([theirs], { office: 'safety' })
  await raise([elsewhere], { community: 'changzhengqiao' })
  await until(admin.seen, [mine, theirs, elsewhere])
  await until(office.seen, [mine, elsewhere])
  await until(safety.seen, [theirs])
  await until(community.seen, [mine, theirs])
  await sleep(200)
  assert.deepEqual(keys(office.seen), [mine, elsewhere])
  assert.deepEqual(keys(safety.seen), [theirs])
  assert.deepEqual(keys(community.seen), [mine, theirs])
  for (const { seen } of [office, safety, community, admin]) {
    const offsets = seen.map((one) => one.offset)
    assert.deepEqual(offsets, [...offsets].sort((a, b) => a - b))
    assert.equal(new Set(offsets).size, offsets.length)
  }
  for (const { socket } of [office, safety, community, admin]) await socket.close()
})

test('after a break the missed events follow, each once and in order', async () => {
  const first = await listen('office')
  const ids = Array.from({ length: 30 }, fresh)
  await raise(ids.slice(0, 5))
  await until(first.seen, ids.slice(0, 5))
  const last = first.seen.at(-1)
  first.socket.raw.destroy()
  await raise(ids.slice(5, 25))
  await raise([fresh()], { office: 'safety' })
  await alertsSettled(ids[24])
  const second = await listen('office', { epoch: last.epoch, offset: last.offset })
  assert.equal(second.answer.recovered, 20)
  await raise(ids.slice(25))
  await until(second.seen, ids.slice(5))
  await sleep(100)
  assert.deepEqual(keys(second.seen), ids.slice(5))
  await second.socket.close()
})

async function alertsSettled(id) {
  const cookie = await street.signIn('admin')
  const end = Date.now() + 10000
  while (!(await alertOf(cookie, id))) {
    assert.ok(Date.now() < end)
    await sleep(20)
  }
}

test('more than a socket may be behind is brought slice by slice', async () => {
  const first = await listen('office')
  const start = first.answer
  const ids = Array.from({ length: 900 }, fresh)
  await first.socket.close()
  for (let i = 0; i < ids.length; i += 300) await raise(ids.slice(i, i + 300))
  await alertsSettled(ids.at(-1))
  const second = await listen('office', { epoch: start.epoch, offset: start.offset })
  assert.equal(second.answer.recovered, 900)
  const more = fresh()
  await raise([more])
  await until(second.seen, [more], 20000)
  assert.deepEqual(keys(second.seen), [...ids, more])
  await second.socket.close()
})

test('another epoch or an offset from the future is a gap, and the stream goes on from now', async () => {
  const now = await listen('office')
  const offset = now.answer.offset
  await now.socket.close()
  for (const from of [{ epoch: 'x'.repeat(26), offset }, { epoch: now.answer.epoch, offset: offset + 1000 }]) {
    const { socket, seen, answer } = await listen('office', from)
    assert.equal(answer.gap, true)
    assert.equal(answer.epoch, now.answer.epoch)
    const id = fresh()
    await raise([id])
    await until(seen, [id])
    assert.deepEqual(keys(seen), [id])
    await socket.close()
  }
})

test('nothing is lost or repeated over a restart of the server', async () => {
  const first = await listen('office')
  const ids = Array.from({ length: 12 }, fresh)
  await raise(ids.slice(0, 4))
  await until(first.seen, ids.slice(0, 4))
  const last = first.seen.at(-1)
  await raise(ids.slice(4, 8))
  await alertsSettled(ids[7])
  const gone = first.socket.closed
  await street.restart()
  assert.equal(await gone, 1001)
  const second = await listen('office', { epoch: last.epoch, offset: last.offset })
  assert.equal(second.answer.epoch, last.epoch)
  await raise(ids.slice(8))
  await until(second.seen, ids.slice(4))
  assert.deepEqual(keys(second.seen), ids.slice(4))
  await second.socket.close()
})

test('nothing is lost or repeated when the server is killed', async () => {
  const first = await listen('office')
  const ids = Array.from({ length: 40 }, fresh)
  await raise(ids.slice(0, 20))
  await until(first.seen, ids.slice(0, 1))
  await street.restart('SIGKILL')
  const known = first.seen
  const last = known.at(-1)
  const second = await listen('office', { epoch: last.epoch, offset: last.offset })
  await raise(ids.slice(20))
  await until([...known, ...second.seen], [])
  const end = Date.now() + 15000
  while (!keys(second.seen).includes(ids.at(-1))) {
    assert.ok(Date.now() < end, 'the last one never came')
    await sleep(20)
  }
  assert.deepEqual([...keys(known), ...keys(second.seen)], ids)
  await second.socket.close()
})

test('signing and closing over the socket and over HTTP are the same act', async () => {
  const watcher = await listen('admin')
  const { socket, cookie } = await listen('office')
  const [one, two] = [fresh(), fresh()]
  await raise([one, two])
  await until(watcher.seen, [one, two])
  const a = await alertOf(cookie, one)
  const b = await alertOf(cookie, two)

  const signed = await socket.request({ type: 'command', name: 'alert.sign', data: { alert: a.id } })
  assert.equal(signed.result.state, 'signed')
  assert.equal(signed.result.rev, a.rev + 1)
  const over = await street.ask('POST', `/api/v1/alerts/${b.id}/actions`, { cookie, body: { action: 'sign' } })
  assert.equal(over.status, 200, over.text)
  assert.equal(over.body.state, 'signed')
  assert.deepEqual(Object.keys(signed.result).sort(), Object.keys(over.body).sort())

  const stale = { type: 'command', name: 'alert.note', data: { alert: a.id, rev: a.rev, text: '迟到的说明' } }
  await assert.rejects(socket.request(stale), (e) => e.status === 409 && /\p{Script=Han}/u.test(e.message))
  const closed = await socket.request({
    type: 'command',
    name: 'alert.false_alarm',
    data: { alert: a.id, text: '核对后是误报' }
  })
  assert.equal(closed.result.state, 'false_alarm')
  await sleep(100)
  const states = watcher.seen.filter((e) => e.event.data.id === a.id).map((e) => e.event.data.state)
  assert.deepEqual(states, ['new', 'signed', 'false_alarm'])

  const foreign = await openSocket(street.port, { cookie: await street.signIn('safety') })
  await assert.rejects(
    foreign.request({ type: 'command', name: 'alert.sign', data: { alert: b.id } }),
    { status: 404 }
  )
  const leader = await openSocket(street.port, { cookie: await street.signIn('leader') })
  await assert.rejects(leader.request({ type: 'command', name: 'alert.sign', data: { alert: b.id } }), { status: 403 })
  await assert.rejects(socket.request({ type: 'command', name: 'alert.fly', data: {} }), { status: 404 })
  await assert.rejects(socket.request({ type: 'command', name: 'alert.sign', data: {} }), { status: 400 })
  for (const one of [socket, foreign, leader, watcher.socket]) await one.close()
})

test('a scenario that is paused and resumed is told on its stream', async () => {
  const editor = await openSocket(street.port, { cookie: await street.signIn('editor') })
  const seen = []
  editor.onEvent((one) => seen.push(one.event))
  const answer = await editor.request({ type: 'subscribe', stream: 'scenarios' })
  assert.equal(answer.recovered, 0)
  const data = { scenario: 'probe', reason: '试一试' }
  const paused = await editor.request({ type: 'command', name: 'scenario.pause', data })
  assert.equal(paused.result.state, 'paused')
  await editor.request({ type: 'command', name: 'scenario.resume', data })
  await sleep(300)
  assert.deepEqual(seen.map((e) => e.type), Array(seen.length).fill('wangyi.scenario.changed'))
  assert.equal(seen[0].data.id, 'probe')
  assert.equal(seen.length, 2)
  const office = await openSocket(street.port, { cookie: await street.signIn('office') })
  await assert.rejects(office.request({ type: 'command', name: 'scenario.pause', data }), { status: 403 })
  await editor.close()
  await office.close()
})

test('a device sends records over its socket', async () => {
  const device = await openSocket(street.port, { token: key })
  const watcher = await listen('admin')
  const id = fresh()
  const put = (records) =>
    device.request({ type: 'command', name: 'record.put', data: { type: 'ent_change', records } })
  const { result } = await put([change(id), { ...change(fresh()), changed_on: 'yesterday' }])
  assert.equal(result.accepted, 1)
  assert.equal(result.rejected.length, 1)
  assert.equal(result.rejected[0].field, 'changed_on')
  assert.ok(result.last_seq >= result.first_seq && result.first_seq > 0)
  assert.equal((await put([change(id)])).result.unchanged, 1)
  await until(watcher.seen, [id])
  await assert.rejects(
    device.request({ type: 'command', name: 'record.put', data: { type: 'enterprise', records: [] } }),
    { status: 403 }
  )
  await assert.rejects(device.request({ type: 'subscribe', stream: 'alerts' }), { status: 403 })
  await assert.rejects(device.request({ type: 'command', name: 'record.put', data: { type: 'ent_change' } }), { status: 400 })
  const many = await Promise.all(Array.from({ length: 50 }, () => put([change(fresh())])))
  assert.ok(many.every((one) => one.result.accepted === 1))
  await device.close()
  await watcher.socket.close()
})
