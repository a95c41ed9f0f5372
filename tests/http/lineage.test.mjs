// Lineage: from a batch and a record to the alerts they fed, and taking a batch back.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BINARY, PASSWORD, ROOT, sleep, startStreet } from './lib/server.mjs'

// Raises at a record (on), at a tick with a subject, and at one that counts; and only once, by its own memory.
const TEXT = `--- 测试用：营收过低。
return {
  title = "营收过低", office = "regional_dev", reads = { "ent_income", "enterprise", "camera_event" },
  on = { ent_income = function(row, ctx)
    if ctx:check("营收", row.income_cny, "<", 100) then
      ctx:alert { key = "on|" .. row.ent_id .. "|" .. row.month, level = "yellow", title = "营收过低" }
    end
  end },
  every = {
    { at = "daily 09:00", over = "enterprise", run = function(ent, ctx)
      local row = ctx:find("ent_income", ent.ent_id, "2020-02")
      if row and ctx:check("营收", row.income_cny, "<", 100) and not ctx:get("told|" .. ent.ent_id) then
        ctx:set("told|" .. ent.ent_id, true)
        ctx:alert { key = "tick|" .. ent.ent_id, level = "yellow", title = "营收过低" }
      end
    end },
    { at = "daily 10:00", run = function(ctx)
      if ctx:check("出店", ctx:count("camera_event", {}, "3d"), ">=", 2) then
        ctx:alert { key = "count|" .. ctx.today, level = "blue", title = "出店" }
      end
    end },
  },
  examples = {
    { name = "触发", given = { { "ent_income", { ent_id = "E1", month = "2020-02", income_cny = 5 } } },
      at = "2020-03-01T08:00:00+08:00", expect = { { key = "on|E1|2020-02", level = "yellow" } } },
    { name = "不触发", given = {}, at = "2020-03-01T08:00:00+08:00", expect = {} },
  },
}
`

let street, folder, key, admin, office, safety
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wangyi-lineage-'))
  await writeFile(join(folder, 'lowincome.lua'), TEXT)
  street = await startStreet({ people: ['admin', 'office', 'safety'], scenarios: folder })
  key = await street.key('ent_income', 'enterprise', 'camera_event')
  admin = await street.signIn('admin')
  office = await street.signIn('office')
  safety = await street.signIn('safety')
})
after(async () => {
  await street.close()
  await rm(folder, { recursive: true, force: true })
})

const get = (path, cookie = admin) => street.ask('GET', `/api/v1/${path}`, { cookie })
const income = (ent_id, month, income_cny) => ({ ent_id, month, income_cny })
const withdraw = (id, reason = '表头错了一列', cookie = admin) =>
  street.ask('POST', `/api/v1/batches/${encodeURIComponent(id)}/withdraw`, { cookie, body: { reason } })
const clock = (to) => street.ask('POST', '/api/v1/clock', { cookie: admin, body: { to } })
const alert = async (k) =>
  (await get(`alerts?key=${encodeURIComponent(k)}&state=new,signed,handling,closed,retracted`)).body.items[0]
async function until(what, seen) {
  for (let i = 0; i < 200; i++) {
    const got = await what()
    if (seen(got)) return got
    await sleep(25)
  }
  assert.fail(`not seen: ${JSON.stringify(await what())}`)
}
const state = (k, wanted) => until(() => alert(k), (a) => a?.state === wanted)

test('a batch tells what it brought and which alerts it fed, and so does the record', async () => {
  await street.send(key, 'enterprise', ['E1', 'E2', 'E3'].map((id) => ({ ent_id: id, snapshot_month: '2020-02',
    name: `企业${id}`, reg_subdistrict: '330105003', op_subdistrict: '330105003', reg_status: 'active' })), '?batch=ents')
  const good = await street.send(key, 'ent_income', [income('E1', '2020-02', 500), income('E4', '2020-02', 500)], '?batch=good&last=1')
  assert.equal(good.body.accepted, 2)
  const bad = await street.send(key, 'ent_income', [income('E1', '2020-02', 5), income('E2', '2020-02', 6)], '?batch=bad&last=1')
  assert.equal(bad.body.batch, 'bad')
  await state('on|E1|2020-02', 'new')
  await state('on|E2|2020-02', 'new')
  const list = await get('batches?type=ent_income')
  assert.deepEqual(list.body.items.map((b) => [b.batch, b.type, b.accepted, b.state]),
    [['bad', 'ent_income', 2, 'kept'], ['good', 'ent_income', 2, 'kept']])
  const id = list.body.items[0].id
  assert.deepEqual((await get('batches?limit=1')).body.items.map((b) => b.id), [id])
  const one = await get(`batches/${encodeURIComponent(id)}`, office)
  assert.deepEqual(one.body.alerts.map((a) => a.key).sort(), ['on|E1|2020-02', 'on|E2|2020-02'])
  assert.equal(one.body.batch.id, id)
  assert.equal((await get('batches/bad')).body.batch.id, id)
  assert.equal((await get('batches/nothing')).status, 404)
  const fed = await get('records/ent_income/E1%7C2020-02/alerts')
  assert.deepEqual(fed.body.items.map((a) => a.key), ['on|E1|2020-02'])
  assert.equal(fed.body.batch.id, id)
  assert.equal(fed.body.may_withdraw, true)
  assert.equal((await get('records/ent_income/E4%7C2020-02/alerts')).body.items.length, 0)
})

test('taking it back needs a reason and the right to, and gives each record back what was before', async () => {
  assert.equal((await withdraw('bad', ' ')).status, 400)
  assert.ok([403, 404].includes((await withdraw('bad', '错', safety)).status))
  assert.ok([401, 403, 404].includes((await street.ask('POST', '/api/v1/batches/bad/withdraw', { key, body: { reason: '错' } })).status))
  await clock('2020-03-02T09:00:00+08:00')
  await state('tick|E1', 'new')
  const two = await alert('on|E2|2020-02')
  const signed = await street.ask('POST', `/api/v1/alerts/${two.id}/actions`, { cookie: office, body: { action: 'sign' } })
  assert.equal(signed.status, 200, signed.text)
  const done = await withdraw('bad', '表头错了一列', office)
  assert.equal(done.status, 200, done.text)
  assert.deepEqual([done.body.state, done.body.restored, done.body.taken_back, done.body.kept, done.body.by],
    ['withdrawn', 1, 1, 0, 'office'])
  assert.equal((await get('records/ent_income/E1%7C2020-02')).body.income_cny, 500)
  assert.equal((await get('records/ent_income/E2%7C2020-02')).status, 404)
})

test('alerts that rest on it are retracted with the reason; touched ones get a note', async () => {
  await state('on|E1|2020-02', 'retracted')
  await state('tick|E1', 'retracted')
  const one = await get(`alerts/${(await alert('on|E1|2020-02')).id}`)
  assert.ok(JSON.stringify(one.body.timeline).includes('依据的数据已撤回：表头错了一列'), one.text)
  const two = await until(async () => (await get(`alerts/${(await alert('on|E2|2020-02')).id}`)).body,
    (a) => JSON.stringify(a.timeline).includes('依据的数据已撤回'))
  assert.equal(two.state, 'signed')
})

test('again is the same answer, and nothing new in the journal', async () => {
  const head = async () => Number((await street.ask('GET', '/metrics', { cookie: admin })).text.match(/wangyi_journal_head (\d+)/)[1])
  await sleep(300)
  const before = await head()
  const again = await withdraw('bad', '再来一次')
  assert.equal(again.status, 200)
  assert.deepEqual([again.body.state, again.body.restored, again.body.reason], ['withdrawn', 1, '表头错了一列'])
  assert.equal(await head(), before)
})

test('what came after the batch stands, and what a withdrawn batch had brought is never given back', async () => {
  await street.send(key, 'ent_income', [income('E7', '2020-02', 1)], '?batch=a1&last=1')
  await street.send(key, 'ent_income', [income('E7', '2020-02', 2)], '?batch=a2&last=1')
  await street.send(key, 'ent_income', [income('E7', '2020-02', 3)], '?batch=a3&last=1')
  assert.equal((await withdraw('a2')).body.kept, 1)
  assert.equal((await get('records/ent_income/E7%7C2020-02')).body.income_cny, 3)
  assert.equal((await withdraw('a3')).body.restored, 1)
  assert.equal((await get('records/ent_income/E7%7C2020-02')).body.income_cny, 1)
  assert.equal((await withdraw('a1')).body.taken_back, 1)
  assert.equal((await get('records/ent_income/E7%7C2020-02')).status, 404)
  await state('on|E7|2020-02', 'retracted')
})

test('a batch that a count rests on is found, and a judgement that still stands is left alone', async () => {
  const make = (event_id) => ({ event_id, camera_id: 'C1', place_id: 'P1', phase: 'start', event_type: 'shop_overflow',
    occurred_at: '2020-03-02T08:30:00+08:00', confidence: 0.9, shop_id: 'S1' })
  for (const [batch, ids] of [['cam1', ['V1', 'V2']], ['cam2', ['V3', 'V4']]]) {
    const sent = await street.send(key, 'camera_event', ids.map(make), `?batch=${batch}&last=1`)
    assert.equal(sent.body.accepted, 2, sent.text)
  }
  await clock('2020-03-02T10:00:00+08:00')
  await state('count|2020-03-02', 'new')
  assert.deepEqual((await get('batches/cam1')).body.alerts.map((a) => a.key), ['count|2020-03-02'])
  await withdraw('cam1')
  await sleep(400)
  assert.equal((await alert('count|2020-03-02')).state, 'new')
  await withdraw('cam2')
  await state('count|2020-03-02', 'retracted')
})

test('a large batch goes back in parts, through a kill -9 in the middle', async () => {
  const many = (n, v) => Array.from({ length: n }, (_, i) => income(`K${i}`, '2020-01', v))
  await street.send(key, 'ent_income', many(6000, 900), '?batch=big0&last=1')
  await street.send(key, 'ent_income', many(6000, 90), '?batch=big&last=1')
  await until(async () => (await get('alerts?limit=1&scenario=lowincome')).body.counts.yellow, (n) => n >= 6000)
  const asked = withdraw('big').catch(() => null)
  await until(async () => (await get('batches/big')).body.batch.state, (s) => s !== 'kept')
  await street.stop('SIGKILL')
  await asked
  await street.start()
  admin = await street.signIn('admin')
  assert.equal((await get('batches/big')).body.batch.state, 'withdrawn')
  assert.equal((await get('batches/big')).body.batch.restored, 6000)
  for (const i of [0, 2999, 5999]) assert.equal((await get(`records/ent_income/K${i}%7C2020-01`)).body.income_cny, 900)
  await until(async () => (await get('alerts?limit=1&scenario=lowincome')).body.counts.yellow, (n) => n < 10)
})

test('a stopped server: wangyi withdraw', async () => {
  await street.send(key, 'ent_income', [income('E9', '2020-02', 1)], '?batch=cli&last=1')
  await state('on|E9|2020-02', 'new')
  const run = (...args) => spawnSync(BINARY, ['withdraw', ...args], { cwd: ROOT, encoding: 'utf8',
    env: { ...process.env, WANGYI_PASSWORD: PASSWORD } })
  assert.equal(run('cli', '--to', street.url, '--as', 'admin').status, 2)
  await street.stop()
  const told = run('cli', '--reason', '重复导入', '--data', street.data, '--json')
  assert.equal(told.status, 0, told.stderr)
  assert.equal(JSON.parse(told.stdout).taken_back, 1)
  await street.start()
  admin = await street.signIn('admin')
  await state('on|E9|2020-02', 'retracted')
  const there = run('cli', '--reason', '重复导入', '--to', street.url, '--as', 'admin')
  assert.equal(there.status, 0, there.stderr)
  assert.match(there.stdout, /已撤回/)
  assert.notEqual(run('nothing', '--reason', 'x', '--to', street.url, '--as', 'admin').status, 0)
})
