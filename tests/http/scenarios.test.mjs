// Scenarios over HTTP: how they stand, settings as versions, pause and resume, and the check of a text.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ROOT, startStreet } from './lib/server.mjs'

const ID = 'ent_operation_abnormal'
let street
const cookies = {}

before(async () => {
  street = await startStreet({
    people: ['admin', 'leader', 'office', 'editor', 'safety', 'community'],
    scenarios: join(ROOT, 'scenarios')
  })
  for (const name of street.people) cookies[name] = await street.signIn(name)
})
after(() => street.close())

const ask = (name, method, path, options = {}) =>
  street.ask(method, `/api/v1/scenarios${path}`, { cookie: cookies[name], ...options })

test('the list says how each stands', async () => {
  const { status, body } = await ask('office', 'GET', '')
  assert.equal(status, 200)
  assert.ok(body.items.length >= 8)
  assert.equal(body.next, null)
  const one = body.items.find((item) => item.id === ID)
  for (const name of ['title', 'office', 'version', 'state', 'cursor', 'behind', 'runs', 'errors', 'alerts_open', 'reads'])
    assert.ok(name in one, name)
  assert.equal(one.version.number, 1)
})

test('one has its text and settings, and is missing under another name', async () => {
  const one = await ask('office', 'GET', `/${ID}`)
  assert.equal(one.status, 200, one.text)
  assert.equal(one.body.text, await readFile(join(ROOT, 'scenarios', `${ID}.lua`), 'utf8'))
  assert.equal(one.headers.get('etag'), `"${one.body.version.hash}"`)
  assert.ok(one.body.settings.some((s) => s.name === 'income_drop_pct' && s.label && 'default' in s))
  assert.equal((await ask('office', 'GET', '/no_such')).status, 404)
  assert.equal((await street.ask('GET', '/api/v1/scenarios')).status, 401)
})

test('a setting is changed by an editor of its office only, as a version with a reason', async () => {
  const before = (await ask('editor', 'GET', `/${ID}`)).body
  const change = { values: { income_drop_pct: 20 }, reason: '本季度观察' }
  for (const name of ['office', 'leader', 'community'])
    assert.equal((await ask(name, 'PATCH', `/${ID}/settings`, { body: change })).status, 403, name)
  const stale = { headers: { 'If-Match': '"0000"' }, body: change }
  assert.equal((await ask('editor', 'PATCH', `/${ID}/settings`, stale)).status, 412)
  const done = await ask('editor', 'PATCH', `/${ID}/settings`, {
    headers: { 'If-Match': `"${before.version.hash}"` },
    body: change
  })
  assert.equal(done.status, 200, done.text)
  assert.equal(done.body.version.number, before.version.number + 1)
  assert.equal(done.body.version.kind, 'settings')
  assert.equal(done.body.version.author, 'editor')
  assert.equal(done.body.version.reason, '本季度观察')
  assert.equal(done.body.settings.find((s) => s.name === 'income_drop_pct').value, 20)
  const { body } = await ask('office', 'GET', `/${ID}/versions`)
  assert.deepEqual(body.items.map((v) => v.number).sort(), [1, 2])
})

test('a wrong value is refused and changes nothing', async () => {
  const before = (await ask('editor', 'GET', `/${ID}`)).body.version.number
  const cases = [{ income_drop_pct: 101 }, { income_drop_pct: 0 }, { income_drop_pct: 'much' }, { no_such: 1 }]
  for (const values of cases) {
    const answer = await ask('editor', 'PATCH', `/${ID}/settings`, { body: { values, reason: '试' } })
    assert.equal(answer.status, 400, JSON.stringify(values))
    assert.match(answer.body.detail, /\p{Script=Han}/u)
  }
  for (const body of [{}, { values: {} }, { values: [] }])
    assert.equal((await ask('editor', 'PATCH', `/${ID}/settings`, { body })).status, 400)
  assert.equal((await ask('editor', 'GET', `/${ID}`)).body.version.number, before)
})

test('the changed values alone are a body too', async () => {
  const done = await ask('editor', 'PATCH', `/${ID}/settings`, { body: { income_drop_pct: 25 } })
  assert.equal(done.status, 200, done.text)
  assert.equal(done.body.settings.find((s) => s.name === 'income_drop_pct').value, 25)
  assert.equal((await ask('editor', 'PATCH', `/${ID}/settings`, { body: { no_such: 1 } })).status, 400)
})

test('a community may have a value of its own', async () => {
  const body = { values: { income_drop_pct: 30 }, community: 'xiaohe', reason: '小河社区企业少' }
  const done = await ask('editor', 'PATCH', `/${ID}/settings`, { body })
  assert.equal(done.status, 200, done.text)
  const setting = done.body.settings.find((s) => s.name === 'income_drop_pct')
  assert.equal(setting.local.xiaohe, 30)
  const nowhere = { values: { income_drop_pct: 30 }, community: 'atlantis', reason: '试' }
  assert.equal((await ask('editor', 'PATCH', `/${ID}/settings`, { body: nowhere })).status, 400)
})

test('pause and resume', async () => {
  const paused = await ask('editor', 'POST', `/${ID}/pause`, { body: { reason: '核对数据' } })
  assert.equal(paused.status, 200, paused.text)
  assert.equal(paused.body.state, 'paused')
  assert.equal((await ask('editor', 'POST', `/${ID}/resume`, { body: { how: 'fly' } })).status, 400)
  const resumed = await ask('editor', 'POST', `/${ID}/resume`, { body: {} })
  assert.equal(resumed.status, 200, resumed.text)
  assert.ok(['running', 'catching_up'].includes(resumed.body.state))
  assert.equal((await ask('safety', 'POST', `/${ID}/pause`, { body: {} })).status, 403)
})

test('a text is checked without being published', async () => {
  const text = (await ask('editor', 'GET', `/${ID}`)).body.text
  const good = await ask('editor', 'POST', `/${ID}/check`, { body: { text } })
  assert.equal(good.status, 200, good.text)
  assert.equal(good.body.ok, true)
  assert.ok(good.body.examples.length >= 2)
  const bad = await ask('editor', 'POST', `/${ID}/check`, { body: { text: text.replace('return {', 'return {{') } })
  assert.equal(bad.status, 200, bad.text)
  assert.equal(bad.body.ok, false)
  assert.ok(bad.body.problems[0].line > 0)
  assert.equal((await ask('editor', 'POST', `/${ID}/check`, { body: {} })).status, 400)
  assert.equal((await ask('safety', 'POST', `/${ID}/check`, { body: { text } })).status, 403)
})
