// Why it fired, why not, over HTTP: for whom, about what, and what is no answer.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startStreet } from './lib/server.mjs'

const SCRIPT = `--- 试验
return { title = '读数', office = 'regional_dev', life = {},
  settings = { most = { label = '上限', default = 10, min = 0, max = 1000 } },
  reads = { 'meter_reading' },
  on = { meter_reading = function(row, ctx)
    if ctx:check('读数', row.value, '>', ctx.settings.most) then
      ctx:alert { key = row.meter_id, level = 'red', title = '读数 ' .. row.value, about = { 'meter_reading', row.meter_id } }
    end end },
  examples = {
    { name = '报', given = { { 'meter_reading', { meter_id = 'A', at = '2020-01-01T00:00:00+08:00', value = 900 } } },
      at = '2020-01-01T00:00:00+08:00', expect = { { key = 'A', level = 'red' } } },
    { name = '不报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = {} } } }
`
let street, folder
const cookies = {}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wangyi-ex-'))
  await writeFile(join(folder, 'probe.lua'), SCRIPT)
  street = await startStreet({ people: ['admin', 'office', 'safety', 'community'], scenarios: folder })
  for (const name of street.people) cookies[name] = await street.signIn(name)
  const key = await street.key('meter_reading')
  await street.send(key, 'meter_reading', [['A', 20], ['B', 7]].map(([meter_id, value]) =>
    ({ meter_id, at: '2020-03-01T08:00:00+08:00', value })))
  for (let i = 0; i < 100 && !(await alert()); i++) await sleep(50)
})
after(async () => {
  await street.close()
  await rm(folder, { recursive: true, force: true })
})

const alert = async () => (await street.ask('GET', '/api/v1/alerts?scenario=probe', { cookie: cookies.admin })).body.items[0]
const ask = (name, query, id = 'probe') =>
  street.ask('GET', `/api/v1/scenarios/${id}/explain?${new URLSearchParams(query)}`, { cookie: cookies[name] })

test('it says which check failed and by how much, on which record', async () => {
  const { status, body, text } = await ask('office', { about: 'meter_reading|B' })
  assert.equal(status, 200, text)
  assert.equal(body.answer, 'quiet')
  assert.match(body.sentence, /读数 7，未超过 10，差 3/)
  const [one] = body.judgements
  assert.deepEqual([one.failed.label, one.failed.missed_by, one.trigger], ['读数', 3, 'record'])
  assert.deepEqual(body.about, { type: 'meter_reading', id: 'B' })
  assert.equal(one.evidence.reads[0].key, 'B|2020-03-01T08:00:00+08:00')
})

test('of an alert it gives the evidence that the alert keeps, byte for byte', async () => {
  const raised = await alert()
  const kept = (await street.ask('GET', `/api/v1/alerts/${raised.id}`, { cookie: cookies.admin })).body.evidence
  const { body } = await ask('office', { about: `meter_reading|${raised.key}`, at: raised.raised_at })
  assert.equal(body.answer, 'fired')
  const { reads_more, ...evidence } = body.judgements[0].evidence
  assert.equal(reads_more, 0)
  assert.deepEqual(evidence, { ...kept, reads: kept.reads })
  assert.equal(body.judgements[0].alerts[0].id, raised.id)
})

test('never judged is an answer, too', async () => {
  const { body } = await ask('office', { about: 'meter_reading|NOSUCH' })
  assert.equal(body.answer, 'not_judged')
  assert.match(body.sentence, /没有判断过/)
})

test('what is asked wrongly is told; what may not be seen is missing', async () => {
  assert.ok([400, 422].includes((await ask('office', { about: 'meter_reading' })).status))
  assert.ok([400, 422].includes((await ask('office', { about: 'meter_reading|A', at: 'noon' })).status))
  assert.equal((await ask('office', { about: 'nosuch|A' })).status, 404)
  assert.equal((await ask('office', { about: 'meter_reading|A' }, 'nosuch')).status, 404)
  const types = (await street.ask('GET', '/api/v1/types', { cookie: cookies.admin })).body.items
  const closed = types.find((t) => t.restricted && t.owner !== 'safety')
  assert.equal((await ask('safety', { about: `${closed.id}|X` })).status, 404)
  assert.equal((await street.ask('GET', '/api/v1/scenarios/probe/explain?about=meter_reading%7CA')).status, 401)
})
