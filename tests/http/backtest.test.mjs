// Backtests over HTTP: a job with progress, its result against what was raised, cancelled, and who may.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startStreet } from './lib/server.mjs'
import { openSocket } from './lib/ws.mjs'

const script = (most) => `--- 试验
return { title = '读数', office = 'regional_dev', life = {},
  settings = { most = { label = '上限', default = ${most}, min = 0, max = 1000 } },
  reads = { 'meter_reading' },
  on = { meter_reading = function(row, ctx)
    if ctx:check('读数', row.value, '>', ctx.settings.most) then
      ctx:alert { key = row.meter_id, level = row.value > 50 and 'red' or 'blue', title = '读数 ' .. row.value,
                  about = { 'meter_reading', row.meter_id } }
    end end },
  examples = {
    { name = '报', given = { { 'meter_reading', { meter_id = 'A', at = '2020-01-01T00:00:00+08:00', value = 900 } } },
      at = '2020-01-01T00:00:00+08:00', expect = { { key = 'A', level = 'red' } } },
    { name = '不报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = {} } } }
`
const DAY = { from: '2020-03-01', to: '2020-03-01' }
let street, folder
const cookies = {}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wangyi-bt-'))
  await writeFile(join(folder, 'probe.lua'), script(10))
  street = await startStreet({ people: ['admin', 'office', 'editor', 'safety'], scenarios: folder })
  for (const name of street.people) cookies[name] = await street.signIn(name)
  const key = await street.key('meter_reading')
  const values = [5, 20, 60, 8, 12]
  const sent = await street.send(key, 'meter_reading', values.map((value, i) =>
    ({ meter_id: 'M' + i, at: '2020-03-01T08:00:00+08:00', value })))
  assert.equal(sent.body.accepted, 5, sent.text)
  for (let i = 0; i < 100 && (await alerts()).length < 3; i++) await sleep(50)
  assert.equal((await alerts()).length, 3)
})
after(async () => {
  await street.close()
  await rm(folder, { recursive: true, force: true })
})

const ask = (name, method, path, options = {}) =>
  street.ask(method, `/api/v1/scenarios/probe${path}`, { cookie: cookies[name], ...options })
const alerts = async () =>
  (await street.ask('GET', '/api/v1/alerts?scenario=probe', { cookie: cookies.admin })).body.items

async function ended(job, name = 'editor') {
  for (let i = 0; i < 400; i++) {
    const { status, body, text } = await ask(name, 'GET', `/backtest/${job}`)
    assert.equal(status, 200, text)
    if (!['queued', 'running'].includes(body.state)) return body
    await sleep(25)
  }
  assert.fail('it does not end')
}
async function backtest(body, name = 'editor') {
  const { status, body: job, text, headers } = await ask(name, 'POST', '/backtest', { body: { ...DAY, ...body } })
  assert.equal(status, 202, text)
  assert.equal(headers.get('location'), `/api/v1/scenarios/probe/backtest/${job.job}`)
  return ended(job.job, name)
}

test('the live version again: nothing gained, lost or moved, and nothing changed', async () => {
  const before = await street.ask('GET', '/api/v1/clock', { cookie: cookies.admin })
  const list = await alerts()
  const done = await backtest({})
  assert.equal(done.state, 'done', JSON.stringify(done))
  const { totals, reads, draft } = done.result
  assert.deepEqual([totals.live, totals.draft, totals.same, totals.gained, totals.lost, totals.moved], [3, 3, 3, 0, 0, 0])
  assert.equal(draft, false)
  assert.deepEqual(reads, ['meter_reading'])
  assert.deepEqual(await alerts(), list)
  assert.deepEqual((await street.ask('GET', '/api/v1/clock', { cookie: cookies.admin })).body, before.body)
})

test('other settings gain and lose, by office and week, with the alert that would be missing', async () => {
  const { result } = await backtest({ values: { most: 15 } })
  assert.deepEqual(result.lost.map((x) => x.key), ['M4'])
  assert.equal(result.lost[0].id, (await alerts()).find((al) => al.key === 'M4').id)
  assert.equal(result.lost[0].level, 'blue')
  assert.deepEqual(result.offices, [{ id: 'regional_dev', name: '区域发展办', same: 2, gained: 0, lost: 1, moved: 0 }])
  assert.equal(result.weeks[0].week, '2020-W09')
  const more = (await backtest({ values: { most: 6 } })).result
  assert.deepEqual(more.gained.map((x) => x.key), ['M3'])
})

test('another text moves a level, and its fault is told with line and record', async () => {
  const text = script(10).replace('> 50', '> 15')
  const { result } = await backtest({ text })
  assert.deepEqual(result.moved.map((x) => [x.key, x.live.level, x.draft.level]), [['M1', 'blue', 'red']])
  const broken = (await backtest({ text: script(10).replace('if ctx:check', 'local a = nil + row.value; if ctx:check') })).result
  assert.equal(broken.faults.length, 5)
  assert.match(broken.faults[0].key, /^M0\|/)
  assert.equal(broken.totals.lost, 3)
})

test('a text that does not pass the check fails with its line', async () => {
  const done = await backtest({ text: 'return {' })
  assert.equal(done.state, 'failed')
  assert.match(done.error.message, /第 1 行/)
  assert.match((await backtest({ values: { moost: 1 } })).error.message, /moost/)
})

test('wrong requests are refused with the member that is wrong', async () => {
  for (const [body, pointer] of [[{ to: '2020-03-01' }, '/from'], [{ from: '2020-03-01', to: 'noon' }, '/to'],
    [{ ...DAY, text: 5 }, '/text'], [{ ...DAY, values: [] }, '/values'], [{ ...DAY, against: 'draft' }, '/against'],
    [{ from: '2020-03-02', to: '2020-03-01' }, '/to']]) {
    const answer = await ask('editor', 'POST', '/backtest', { body })
    assert.ok([400, 422].includes(answer.status), answer.text)
    assert.equal(answer.body.errors[0].pointer, pointer)
  }
  assert.equal((await ask('editor', 'GET', '/backtest/nosuch')).status, 404)
  assert.equal((await street.ask('POST', '/api/v1/scenarios/nosuch/backtest', { cookie: cookies.editor, body: DAY })).status, 404)
})

test('only those who may change the scenario may try it, and see what came of it', async () => {
  const job = (await ask('editor', 'POST', '/backtest', { body: DAY })).body.job
  for (const name of ['office', 'safety'])
    for (const [method, path] of [['POST', '/backtest'], ['GET', `/backtest/${job}`], ['DELETE', `/backtest/${job}`]])
      assert.equal((await ask(name, method, path, { body: method === 'POST' ? DAY : undefined })).status, 403, name + method)
  assert.equal((await street.ask('GET', `/api/v1/scenarios/probe/backtest/${job}`)).status, 401)
  assert.equal((await ended(job, 'admin')).state, 'done')
})

test('a listener hears how far it is; one that hangs is cancelled and killed', async () => {
  const socket = await openSocket(street.port, { cookie: cookies.editor })
  await socket.request({ type: 'subscribe', stream: 'scenarios' })
  const first = socket.event((m) => m.event.type === 'wangyi.backtest.progress')
  const text = script(10).replace('if ctx:check', 'for i = 1, 1e9 do local x = i end if ctx:check')
  const job = (await ask('editor', 'POST', '/backtest', { body: { ...DAY, text } })).body.job
  const told = await first
  assert.deepEqual([told.event.data.job, told.event.data.scenario, told.offset], [job, 'probe', undefined])
  assert.equal((await ask('editor', 'DELETE', `/backtest/${job}`)).status, 204)
  const done = await ended(job)
  assert.ok(['cancelled', 'done'].includes(done.state), done.state)
  socket.close()
})
