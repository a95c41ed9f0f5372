// Data as duty: how old each dataset is, and which scenarios that blinds. A blind scenario is not one without alerts.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { CLOCK, startStreet } from './lib/server.mjs'

let street, admin, key, folder

const SCRIPT = `return {
  title = "收入", office = "regional_dev", reads = { "enterprise", "ent_income", "tax_month" },
  life = { low = { close = "auto" } },
  every = { { at = "monthly d10 08:00", over = "enterprise", run = function(ent, ctx)
    local now = ctx:find("ent_income", ent.ent_id, "2020-01")
    if now and ctx:check("营收", now.income_cny, "<", 10, "元") then
      ctx:alert { key = ent.ent_id, kind = "low", level = "blue", title = ent.ent_id } end end } },
  examples = {
    { name = "低", given = { { "enterprise", { ent_id = "E", snapshot_month = "2020-01" } },
        { "ent_income", { ent_id = "E", month = "2020-01", income_cny = 1 } } },
      at = "2020-02-10T08:00:00+08:00", expect = { { key = "E", level = "blue" } } },
    { name = "没有", given = {}, at = "2020-02-10T08:00:00+08:00", expect = {} } } }
`
const ask = async (path) => (await street.ask('GET', '/api/v1' + path, { cookie: admin })).body
const dataset = async (type) => (await ask('/datasets')).items.find((one) => one.type === type)
const sight = async () => (await ask('/scenarios/income')).sight

async function list(type, cycle) {
  const answer = await street.send(key, 'dataset', [
    { dataset_id: 'DS_' + type, name: type + ' 数据', owner_office: 'regional_dev', cycle, min_rows: 1 }])
  assert.equal(answer.status, 200, answer.text)
}
let serial = 0
async function update(type, updated_at, rows) {
  const answer = await street.send(key, 'dataset_update', [
    { update_id: 'U' + ++serial, dataset_id: 'DS_' + type, updated_at, rows, operator_id: 'op' }])
  assert.equal(answer.status, 200, answer.text)
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wangyi-datasets-'))
  await writeFile(join(folder, 'income.lua'), SCRIPT)
  street = await startStreet({ scenarios: folder }) // its clock stands at CLOCK
  admin = await street.signIn('admin')
  key = await street.key('dataset', 'dataset_update')
})
after(async () => {
  await street.close()
  await rm(folder, { recursive: true, force: true })
})

test('a type that the catalogue does not name is unlisted and blinds nobody', async () => {
  const income = await dataset('ent_income')
  assert.equal(income.state, 'unlisted')
  assert.equal(income.office, 'regional_dev')
  assert.deepEqual(income.scenarios, [{ id: 'income', title: '收入' }])
  assert.deepEqual(await sight(), { state: 'whole', late: [] })
})

test('one kind of data late makes a scenario half blind, and tells whose', async () => {
  await list('ent_income', 'monthly')
  assert.equal((await dataset('ent_income')).state, 'never')
  const { state, late } = await sight()
  assert.equal(state, 'half')
  assert.deepEqual(late.map((one) => [one.type, one.office, one.updated_at]), [['ent_income', 'regional_dev', null]])
})

test('without what sets it off a scenario is blind, in the list too', async () => {
  await list('enterprise', 'monthly')
  assert.equal((await sight()).state, 'blind')
  const [item] = (await ask('/scenarios')).items
  assert.equal(item.sight.state, 'blind')
  await update('enterprise', '2020-02-03T09:00:00+08:00', 2000)
  assert.equal((await sight()).state, 'half')
})

test('late begins where scenarios.md says, to the second', async () => {
  const cases = [
    ['monthly', '2020-02-01T00:00:00+08:00', 'fresh'],
    ['monthly', '2020-01-31T23:59:59+08:00', 'late'],
    ['daily', '2020-02-29T06:00:00+08:00', 'fresh'], // 26 hours before CLOCK
    ['daily', '2020-02-29T05:59:59+08:00', 'late'],
    ['hourly', '2020-03-01T05:00:00+08:00', 'fresh'],
    ['hourly', '2020-03-01T04:59:59+08:00', 'late'],
    ['hourly', '2020-03-01T08:00:01+08:00', 'never'] // from the future: none yet
  ]
  const types = ['shop', 'grid', 'estate', 'building', 'house', 'site', 'place']
  assert.equal(CLOCK, '2020-03-01T08:00:00+08:00')
  for (const [i, [cycle, updated, state]] of cases.entries()) {
    await list(types[i], cycle)
    await update(types[i], updated, 7)
    const seen = await dataset(types[i])
    assert.equal(seen.state, state, `${cycle} ${updated}`)
    if (state === 'never') continue
    assert.equal(seen.updated_at, updated)
    assert.equal(seen.rows, 7)
    assert.ok(seen.name.startsWith(types[i]))
  }
})

test('the newest update counts, in whatever order they came', async () => {
  await list('elevator', 'monthly')
  await update('elevator', '2020-02-20T09:00:00+08:00', 2)
  await update('elevator', '2020-01-20T09:00:00+08:00', 1)
  const seen = await dataset('elevator')
  assert.equal(seen.state, 'fresh')
  assert.equal(seen.rows, 2)
  assert.match(seen.late_at, /^2020-04-01T00:00:00/)
})

test('who is not signed in learns nothing about data', async () => {
  assert.equal((await street.ask('GET', '/api/v1/datasets')).status, 401)
})
