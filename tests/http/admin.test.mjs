// Accounts, machine keys, the held clock, backup, and who may use which route.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PASSWORD, startStreet } from './lib/server.mjs'

let street
const cookies = {}
before(async () => {
  street = await startStreet({ people: ['admin', 'leader', 'office', 'safety', 'editor', 'community'] })
  for (const name of street.people) cookies[name] = await street.signIn(name)
})
after(() => street.close())

const admin = (method, path, more = {}) => street.ask(method, path, { cookie: cookies.admin, ...more })
const user = (more) => ({ name: 'li', display: '李', role: 'office', office: 'safety', password: PASSWORD, ...more })

test('an account that was added can sign in, and is listed', async () => {
  const answer = await admin('POST', '/api/v1/users', { body: user({ name: '李四' }) })
  assert.equal(answer.status, 201, answer.text)
  assert.deepEqual([answer.body.name, answer.body.display, answer.body.office], ['李四', '李', 'safety'])
  assert.doesNotMatch(answer.text, new RegExp(PASSWORD))
  await street.signIn('李四')
  const list = await admin('GET', '/api/v1/users')
  assert.deepEqual(list.body.items.map((one) => one.name).sort(),
    ['admin', 'community', 'editor', 'leader', 'office', 'safety', '李四'].sort())
})

test('accounts that make no sense are refused with a reason', async () => {
  const cases = [
    [user({ name: 'admin' }), 409], [user({ name: '' }), 400], [user({ name: 'a'.repeat(33) }), 400],
    [user({ name: 'a|b' }), 400], [user({ name: 'a\u202eb' }), 400], [user({ name: 'a b' }), 400],
    [user({ password: 'short' }), 400], [user({ name: 'ten-letters', password: 'ten-letters' }), 400],
    [user({ role: 'king' }), 400], [user({ role: 'machine' }), 400], [user({ role: 'resident' }), 400],
    [user({ office: 'no_such' }), 400], [user({ office: undefined }), 400],
    [user({ role: 'community', office: undefined }), 400],
    [user({ role: 'community', communities: ['no_such'] }), 400], [user({ communities: 'xiaohe' }), 400],
    [user({ display: 'x'.repeat(40) }), 400], [user({ password: undefined }), 400], [[], 400]
  ]
  for (const [body, status] of cases) {
    const answer = await admin('POST', '/api/v1/users', { body })
    assert.equal(answer.status, status, `${JSON.stringify(body)}: ${answer.text}`)
    assert.match(answer.body.detail, /[\u4e00-\u9fff]/)
  }
})

test('adding a taken name does not change that person\'s password', async () => {
  const answer = await admin('POST', '/api/v1/users', { body: user({ name: 'leader', password: 'another long word' }) })
  assert.equal(answer.status, 409)
  await street.signIn('leader', PASSWORD)
})

test('the same Idempotency-Key adds one account; for another request it is refused', async () => {
  const send = (body) => admin('POST', '/api/v1/users', { body, headers: { 'Idempotency-Key': 'user-1' } })
  const [first, second] = [await send(user({ name: 'once' })), await send(user({ name: 'once' }))]
  assert.deepEqual([first.status, second.status], [201, 201])
  assert.equal(second.text, first.text)
  assert.equal((await send(user({ name: 'twice' }))).status, 422)
  const other = await street.ask('POST', '/api/v1/users', {
    cookie: cookies.leader, body: user({ name: 'once' }), headers: { 'Idempotency-Key': 'user-1' } })
  assert.equal(other.status, 403, 'keys of one person are not another\'s')
})

test('a machine key is shown once and listed without its secret', async () => {
  const send = () => admin('POST', '/api/v1/keys', { body: { types: ['ent_income'], label: '税务' }, headers: { 'Idempotency-Key': 'key-1' } })
  const made = await send()
  assert.equal(made.status, 201)
  assert.match(made.body.key, /^wy_[a-z0-9]{12}_[0-9a-f]{40}$/)
  assert.equal((await send()).status, 409)
  const list = await admin('GET', '/api/v1/keys')
  assert.equal(list.body.items.length, 1)
  assert.deepEqual([list.body.items[0].id, list.body.items[0].label, list.body.items[0].by], [made.body.id, '税务', 'admin'])
  assert.doesNotMatch(list.text, new RegExp(made.body.key.split('_')[2]))
  for (const body of [{}, { types: [] }, { types: ['no_such'] }, { types: 'ent_income' }, { types: [5] }])
    assert.equal((await admin('POST', '/api/v1/keys', { body })).status, 400, JSON.stringify(body))
  await street.restart()
  assert.equal((await street.send(made.body.key, 'ent_income', [{ ent_id: 'A', month: '2020-01', income_cny: 1 }])).status, 200)
})

test('a held clock moves on and never back', async () => {
  const read = async () => (await admin('GET', '/api/v1/clock')).body
  assert.equal((await read()).held, true)
  const moved = await admin('POST', '/api/v1/clock', { body: { to: '2020-03-01T09:30:00+08:00' } })
  assert.equal(moved.status, 200, moved.text)
  assert.deepEqual(moved.body, { now: '2020-03-01T09:30:00+08:00', held: true })
  assert.deepEqual(await read(), moved.body)
  assert.equal((await admin('POST', '/api/v1/clock', { body: { to: '2020-03-01T09:00:00+08:00' } })).status, 409)
  for (const to of [undefined, 'tomorrow', '2020-03-01', '2020-03-01T10:00:00', 5, '2120-03-01T10:00:00+08:00'])
    assert.equal((await admin('POST', '/api/v1/clock', { body: { to } })).status, 400, String(to))
})

test('a running clock is not to be moved', async () => {
  const other = await startStreet({ clock: null })
  const cookie = await other.signIn('admin')
  const answer = await other.ask('POST', '/api/v1/clock', { cookie, body: { to: '2099-01-01T00:00:00+08:00' } })
  assert.equal(answer.status, 409)
  assert.equal((await other.ask('GET', '/api/v1/me', { cookie })).body.clock.held, false)
  await other.close()
})

test('a backup is written while the server runs', async () => {
  const answer = await admin('POST', '/api/v1/backup', { body: {} })
  assert.equal(answer.status, 200, answer.text)
  assert.ok(answer.body.dir)
})

test('reload answers what changed', async () => {
  const answer = await admin('POST', '/api/v1/reload', { body: {} })
  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual([answer.body.changed, answer.body.refused], [[], []])
})

test('org and types give the names for ids', async () => {
  const org = (await street.ask('GET', '/api/v1/org', { cookie: cookies.community })).body
  assert.equal(org.street, '小河街道')
  assert.ok(org.offices.some((one) => one.id === 'regional_dev' && one.name))
  assert.deepEqual(org.levels.map((one) => one.id), ['red', 'orange', 'yellow', 'blue'])
  assert.equal(org.states.length, 10)
  const types = (await street.ask('GET', '/api/v1/types', { cookie: cookies.community })).body.items
  const income = types.find((one) => one.id === 'ent_income')
  assert.deepEqual(income.key, ['ent_id', 'month'])
  assert.ok(income.fields.every((one) => one.name && one.type && one.label))
})

// Route by role: who is let in at all. 401 for nobody, 403 for the others; anything else is "let in".
const EVERYBODY = ['admin', 'leader', 'office', 'safety', 'editor', 'community']
const MATRIX = [
  ['GET', '/api/v1/me', EVERYBODY], ['GET', '/api/v1/org', EVERYBODY], ['GET', '/api/v1/types', EVERYBODY],
  ['GET', '/api/v1/clock', EVERYBODY], ['GET', '/api/v1/records/ent_income', EVERYBODY],
  ['GET', '/api/v1/alerts', EVERYBODY], ['GET', '/api/v1/scenarios', EVERYBODY],
  ['POST', '/api/v1/records/ent_income', ['admin', 'office', 'editor']],
  ['GET', '/api/v1/users', ['admin']], ['POST', '/api/v1/users', ['admin']],
  ['GET', '/api/v1/users/nobody', ['admin']], ['PATCH', '/api/v1/users/nobody', ['admin']],
  ['DELETE', '/api/v1/keys/nothing', ['admin']],
  ['GET', '/api/v1/keys', ['admin']], ['POST', '/api/v1/keys', ['admin']],
  ['POST', '/api/v1/clock', ['admin']], ['POST', '/api/v1/reload', ['admin']], ['POST', '/api/v1/backup', ['admin']]
]

const FOR_MACHINES = ['POST /api/v1/records/ent_income', 'GET /api/v1/me', 'GET /api/v1/types']

test('every route lets in whom it is for, and nobody else', async () => {
  const key = await street.key('ent_income')
  for (const [method, path, allowed] of MATRIX) {
    const writes = method === 'POST' || method === 'PATCH'
    const body = writes ? '' : undefined
    const headers = writes ? { 'Content-Type': 'application/json' } : {}
    assert.equal((await street.ask(method, path, { body, headers })).status, 401, `nobody ${method} ${path}`)
    for (const name of EVERYBODY) {
      const { status } = await street.ask(method, path, { body, headers, cookie: cookies[name] })
      const inside = status !== 401 && status !== 403
      assert.equal(inside, allowed.includes(name), `${name} ${method} ${path}: ${status}`)
    }
    const machine = await street.ask(method, path, { body, headers, key })
    assert.equal(machine.status !== 403, FOR_MACHINES.includes(`${method} ${path}`), `machine ${method} ${path}: ${machine.status}`)
  }
})
