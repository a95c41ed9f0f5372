// What design.md 4 promises of scenarios, seen from outside: a record that is taken back, a fault that stops one
// scenario only and the three ways on from there, versions in the journal, examples at every load.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { sleep, startStreet } from './lib/server.mjs'

let street, key, admin, folder

/** A scenario on ent_income that runs `body`; `level` is what its first example expects. */
const script = (body, level = 'blue') => `return {
  title = "收入", office = "regional_dev", reads = { "ent_income" },
  life = { seen = { close = "auto" } },
  on = { ent_income = function(row, ctx)
    ${body}
    ctx:alert { key = row.ent_id, kind = "seen", level = "blue", title = row.ent_id } end },
  removed = { ent_income = function(row, ctx) ctx:clear { key = row.ent_id } end },
  examples = {
    { name = "来一条", given = { { "ent_income", { ent_id = "E", month = "2020-01", income_cny = 1 } } },
      at = "2020-02-01T09:00:00+08:00", expect = { { key = "E", level = "${level}" } } },
    { name = "没有", given = {}, at = "2020-02-01T09:00:00+08:00", expect = {} } } }
`
const BAD_LINE = 5 // of body in script
const FAILS = 'if row.income_cny == 13 then error("十三不行") end'

const save = (id, text) => writeFile(join(folder, `${id}.lua`), text)
const ask = (method, path, body) => street.ask(method, '/api/v1' + path, { cookie: admin, body })
const one = async (id) => (await ask('GET', `/scenarios/${id}`)).body
const send = (values, query = '', month = '2020-01') => street.send(key, 'ent_income',
  Object.entries(values).map(([ent_id, income_cny]) => ({ ent_id, month, income_cny })), query)
const open = async (id) => (await ask('GET', `/alerts?scenario=${id}`)).body.items
  .filter((a) => a.state === 'new').map((a) => `${a.key} ${a.count}`).sort()

async function until(what, isTrue) {
  for (const end = Date.now() + 10000; ; await sleep(20)) {
    const seen = await what()
    if (isTrue(seen)) return seen
    assert.ok(Date.now() < end, JSON.stringify(seen))
  }
}
const stands = (id) => until(() => one(id), (s) => s.state === 'stopped')
const raised = (id, keys) => until(() => open(id), (seen) => seen.join() === keys.join())

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wangyi-contract-'))
  await save('good', script(''))
  await save('bad', script(FAILS))
  street = await startStreet({ scenarios: folder })
  admin = await street.signIn('admin')
  key = await street.key('ent_income')
})
after(async () => {
  await street.close()
  await rm(folder, { recursive: true, force: true })
})

test('a record missing from a full list reaches removed', async () => {
  await send({ R1: 1, R2: 1 }, '?mode=full&scope=2019-05', '2019-05')
  await raised('good', ['R1 1', 'R2 1'])
  const { body } = await send({ R1: 1 }, '?mode=full&scope=2019-05', '2019-05')
  assert.equal(body.withdrawn, 1)
  await raised('good', ['R1 1'])
  await send({}, '?mode=full&scope=2019-05', '2019-05')
  await raised('good', [])
})

test('a fault stops one scenario at its record, says line and record, and the others go on', async () => {
  const { body } = await send({ A1: 1, A2: 13, A3: 1 })
  const bad = await stands('bad')
  assert.equal(bad.fault.line, BAD_LINE)
  assert.equal(bad.fault.type, 'ent_income')
  assert.equal(bad.fault.key, 'A2|2020-01')
  assert.equal(bad.fault.seq, body.first_seq + 1)
  assert.match(bad.fault.message, /十三不行/)
  assert.equal(bad.cursor, bad.fault.seq - 1)
  await raised('good', ['A1 1', 'A2 1', 'A3 1'])
  assert.deepEqual(await open('bad'), ['A1 1'])
})

test('retry judges the same record again and stands still again while nothing is mended', async () => {
  const before = await one('bad')
  assert.equal((await ask('POST', '/scenarios/bad/resume', { how: 'retry' })).status, 200)
  const again = await stands('bad')
  assert.equal(again.fault.seq, before.fault.seq)
  assert.deepEqual(await open('bad'), ['A1 1'])
})

test('skip goes on behind the record', async () => {
  assert.equal((await ask('POST', '/scenarios/bad/resume', { how: 'skip' })).status, 200)
  await raised('bad', ['A1 1', 'A3 1'])
  assert.ok(['running', 'catching_up'].includes((await one('bad')).state))
})

test('a mended version takes over at the record where the old one stood still', async () => {
  await send({ B1: 1, B2: 13, B3: 1 })
  const { fault } = await stands('bad')
  await save('bad', script('-- 已修'))
  const reload = await ask('POST', '/reload')
  assert.deepEqual(reload.body.changed, [{ id: 'bad', number: 2 }])
  await raised('bad', ['A1 1', 'A3 1', 'B1 1', 'B2 1', 'B3 1'])
  const { version } = await one('bad')
  assert.equal(version.from_seq, fault.seq)
})

test('back puts the version before in force and goes on from there', async () => {
  await save('bad', script('error("处处不行")'.replace('error', 'if row.ent_id ~= "E" then error') + ' end'))
  assert.equal((await ask('POST', '/reload')).body.changed.length, 1)
  await send({ C1: 1, C2: 13 })
  await stands('bad')
  const back = await ask('POST', '/scenarios/bad/resume', { how: 'back', reason: '先退回' })
  assert.equal(back.status, 200, back.text)
  await raised('bad', ['A1 1', 'A3 1', 'B1 1', 'B2 1', 'B3 1', 'C1 1', 'C2 1'])
  const { version, text } = await one('bad')
  assert.equal(version.kind, 'restore')
  assert.equal(text, script('-- 已修'))
  assert.equal(version.reason, '先退回')
})

test('each version is in the journal with text, hash, author and reason', async () => {
  const { items } = (await ask('GET', '/scenarios/bad/versions')).body
  assert.deepEqual(items.map((v) => [v.number, v.kind]), [[4, 'restore'], [3, 'file'], [2, 'file'], [1, 'file']])
  for (const v of items) {
    assert.match(v.hash, /^[0-9a-f]{64}$/)
    assert.ok(v.author && v.reason && v.at && v.from_seq > 0, JSON.stringify(v))
  }
  assert.equal(items[0].author, 'admin')
  assert.equal(items[0].hash, items[2].hash) // the same text and settings
  assert.notEqual(items[1].hash, items[2].hash)
})

test('a red example refuses the load, at a reload and at a start; the old version serves', async () => {
  const before = await one('good')
  await save('good', script('', 'red'))
  const { body } = await ask('POST', '/reload')
  assert.equal(body.changed.length, 0)
  assert.equal(body.refused[0].id, 'good')
  assert.match(body.refused[0].message, /来一条.*level|来一条.*级别/)
  assert.equal((await one('good')).text, before.text)
  await street.restart()
  const after = await one('good')
  assert.equal(after.version.number, before.version.number)
  await send({ D1: 1 })
  await until(() => open('good'), (seen) => seen.includes('D1 1'))
})

test('cursors go on where they were after kill -9: nothing lost, nothing twice', async () => {
  const ids = Array.from({ length: 200 }, (_, i) => `K${String(i).padStart(3, '0')}`)
  assert.equal((await send(Object.fromEntries(ids.map((id) => [id, 1])))).body.accepted, 200)
  await street.restart('SIGKILL')
  admin = await street.signIn('admin')
  const counts = async () => {
    const found = []
    for (let next = ''; next !== null;) {
      const page = (await ask('GET', `/alerts?scenario=good${next && '&after=' + encodeURIComponent(next)}`)).body
      found.push(...page.items.filter((a) => a.key.startsWith('K')))
      next = page.next
    }
    return found
  }
  const all = await until(counts, (found) => found.length >= 200)
  assert.equal(new Set(all.map((a) => a.key)).size, 200)
  assert.ok(all.every((a) => a.count === 1))
})
