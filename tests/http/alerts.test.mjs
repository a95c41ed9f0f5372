// Alerts over HTTP: lists and filters, one with its story, acts, and that rights and versions are kept.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { change, probeFolder } from './lib/probe.mjs'
import { sleep, startStreet } from './lib/server.mjs'

let street
let key
const cookies = {}

before(async () => {
  street = await startStreet({
    people: ['admin', 'leader', 'office', 'safety', 'community'],
    scenarios: await probeFolder(),
    args: ['--alert-limit', '0']
  })
  key = await street.key('ent_change')
  for (const name of street.people) cookies[name] = await street.signIn(name)
  await raise(Array.from({ length: 60 }, (_, i) => `A${String(i).padStart(3, '0')}`))
  await raise(['S1', 'S2'], { office: 'safety' })
  await raise(['F1'], { community: 'changzhengqiao' })
})
after(() => street.close())

async function raise(ids, more) {
  const answer = await street.send(key, 'ent_change', ids.map((id) => change(id, more)))
  assert.equal(answer.body.accepted, ids.length, answer.text)
  const end = Date.now() + 10000
  for (;;) {
    const found = await street.ask('GET', `/api/v1/alerts?key=${ids.at(-1)}`, { cookie: cookies.admin })
    if (found.body.items.length) return
    assert.ok(Date.now() < end, 'the alert was not raised')
    await sleep(20)
  }
}

const list = (name, query = '') => street.ask('GET', `/api/v1/alerts${query}`, { cookie: cookies[name] })

async function find(name, id) {
  const answer = await list(name, `?key=${id}`)
  assert.equal(answer.status, 200, answer.text)
  return answer.body.items[0]
}

const act = (name, id, body, headers) =>
  street.ask('POST', `/api/v1/alerts/${id}/actions`, { cookie: cookies[name], body, headers })

test('a list comes in pages of fifty, newest first, and says where it goes on', async () => {
  const first = await list('office')
  assert.equal(first.status, 200, first.text)
  assert.equal(first.body.items.length, 50)
  assert.ok(first.body.next)
  assert.match(first.headers.get('link'), /rel="next"/)
  const rest = await list('office', `?after=${encodeURIComponent(first.body.next)}`)
  assert.equal(rest.body.items.length, 11)
  assert.equal(rest.body.next, null)
  assert.equal(rest.headers.get('link'), null)
  const ids = [...first.body.items, ...rest.body.items].map((one) => one.id)
  assert.equal(new Set(ids).size, 61)
  const times = [...first.body.items, ...rest.body.items].map((one) => one.raised_at)
  assert.deepEqual(times, [...times].sort().reverse())
  assert.equal(first.body.counts.yellow, 61)
})

test('limits of a page: above is cut, zero and nonsense are refused', async () => {
  assert.equal((await list('office', '?limit=7')).body.items.length, 7)
  assert.equal((await list('office', '?limit=51')).body.items.length, 50)
  for (const bad of ['0', '-1', 'ten', ''])
    assert.equal((await list('office', `?limit=${bad}`)).status, 400, bad)
})

test('filters narrow, and nobody sees what is not theirs', async () => {
  assert.deepEqual((await list('safety')).body.items.map((one) => one.key).sort(), ['S1', 'S2'])
  assert.equal((await list('admin', '?office=safety')).body.items.length, 2)
  assert.equal((await list('admin', '?community=changzhengqiao')).body.items.length, 1)
  assert.equal((await list('community', '?key=F1')).body.items.length, 0)
  assert.equal((await list('admin', '?scenario=probe&kind=probe&state=new&level=yellow&open=1&key=A001')).body.items.length, 1)
  assert.equal((await list('admin', '?level=red')).body.items.length, 0)
  assert.equal((await street.ask('GET', '/api/v1/alerts')).status, 401)
})

test('one alert tells its story and what may be done', async () => {
  const { id } = await find('office', 'A010')
  const one = await street.ask('GET', `/api/v1/alerts/${id}`, { cookie: cookies.office })
  assert.equal(one.status, 200, one.text)
  assert.equal(one.headers.get('etag'), '"1"')
  assert.equal(one.body.timeline[0].action, 'raise')
  assert.ok(one.body.actions.includes('sign'))
  assert.equal(one.body.evidence.entry.type, 'ent_change')
  assert.equal((await street.ask('GET', `/api/v1/alerts/${id}`, { cookie: cookies.safety })).status, 404)
  assert.equal((await street.ask('GET', '/api/v1/alerts/nothing', { cookie: cookies.admin })).status, 404)
})

test('an act needs the right, a known name and the newest version', async () => {
  const { id } = await find('office', 'A011')
  assert.equal((await act('safety', id, { action: 'sign' })).status, 404)
  assert.equal((await act('leader', id, { action: 'sign' })).status, 403)
  assert.equal((await act('office', id, {})).status, 400)
  assert.equal((await act('office', id, { action: 'fly' })).status, 400)
  assert.equal((await act('office', id, { action: 'sign' }, { 'If-Match': '"7"' })).status, 412)
  const signed = await act('office', id, { action: 'sign' }, { 'If-Match': '"1"' })
  assert.equal(signed.status, 200, signed.text)
  assert.equal(signed.body.state, 'signed')
  assert.equal(signed.headers.get('etag'), '"2"')
  assert.equal((await act('office', id, { action: 'note', text: '说明', rev: 1 })).status, 409)
  assert.equal((await act('office', id, { action: 'sign' })).status, 409)
  const bare = await street.ask('POST', `/api/v1/alerts/${id}/actions`, {
    cookie: cookies.office,
    body: { action: 'note', text: '说明' },
    headers: { 'X-Wangyi': '' }
  })
  assert.equal(bare.status, 403, 'a form of another site')
})

test('a repeat with the same Idempotency-Key does it once', async () => {
  const { id } = await find('office', 'A012')
  const headers = { 'Idempotency-Key': 'note-1' }
  const body = { action: 'note', text: '到现场看过' }
  const [one, two] = [await act('office', id, body, headers), await act('office', id, body, headers)]
  assert.equal(one.status, 200, one.text)
  assert.equal(two.status, 200, two.text)
  assert.deepEqual(one.body, two.body)
  assert.equal((await find('office', 'A012')).rev, 2)
})

test('of two who act on the same version at once one is told to look again', async () => {
  const { id, rev } = await find('office', 'A013')
  const both = await Promise.all(
    ['office', 'admin'].map((name) => act(name, id, { action: 'false_alarm', text: '误报', rev }))
  )
  assert.deepEqual(both.map((one) => one.status).sort(), [200, 409])
})
