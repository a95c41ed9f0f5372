// `wangyi backtest` and `wangyi explain` at a shell: on a directory, on a server, and nothing is touched.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BINARY, PASSWORD, ROOT, startStreet } from '../http/lib/server.mjs'

const SCRIPT = `--- 试验
return { title = '读数', office = 'regional_dev', life = {},
  settings = { most = { label = '上限', default = 10, min = 0, max = 1000 } },
  reads = { 'meter_reading' },
  on = { meter_reading = function(row, ctx)
    if ctx:check('读数', row.value, '>', ctx.settings.most) then
      ctx:alert { key = row.meter_id, level = 'red', title = '=读数 ' .. row.value, about = { 'meter_reading', row.meter_id } }
    end end },
  examples = {
    { name = '报', given = { { 'meter_reading', { meter_id = 'A', at = '2020-01-01T00:00:00+08:00', value = 900 } } },
      at = '2020-01-01T00:00:00+08:00', expect = { { key = 'A', level = 'red' } } },
    { name = '不报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = {} } } }
`
const PERIOD = ['--from', '2020-03-01', '--until', '2020-03-01']
let street, folder

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wangyi-bt-'))
  writeFileSync(join(folder, 'probe.lua'), SCRIPT)
  street = await startStreet({ people: ['admin'], scenarios: folder })
  const key = await street.key('meter_reading')
  await street.send(key, 'meter_reading', [20, 7, 30].map((value, i) =>
    ({ meter_id: 'M' + i, at: '2020-03-01T08:00:00+08:00', value })))
  const cookie = await street.signIn('admin')
  for (let i = 0; i < 100; i++) {
    const { body } = await street.ask('GET', '/api/v1/alerts?scenario=probe', { cookie })
    if (body.items.length === 2) break
    await sleep(50)
  }
})
after(async () => {
  await street.close()
  rmSync(folder, { recursive: true, force: true })
})

function wangyi(...args) {
  const run = spawnSync(BINARY, args, {
    cwd: ROOT, encoding: 'utf8', timeout: 60000, env: { ...process.env, WANGYI_PASSWORD: PASSWORD } })
  return { code: run.status, out: run.stdout, err: run.stderr }
}
const there = () => ['--to', street.url, '--as', 'admin']

/** Every file but the locks, which say who reads. */
function digest(dir) {
  const hash = createHash('sha256')
  for (const name of readdirSync(dir, { recursive: true }).sort()) {
    const path = join(dir, name)
    if (!statSync(path).isFile() || /lock/.test(name)) continue
    hash.update(name).update(readFileSync(path))
  }
  return hash.digest('hex')
}

test('a server is asked with --to, which may also say when the period ends', () => {
  const run = wangyi('backtest', 'probe', '--from', '2020-03-01', '--to', '2020-03-01', ...there())
  assert.equal(run.code, 0, run.err)
  assert.match(run.out, /那时报出 2 条，现在报出 2 条：相同 2，多报 0，少报 0/)
  const draft = wangyi('backtest', 'probe', ...PERIOD, '--setting', 'most=25', '--json', ...there())
  assert.deepEqual(JSON.parse(draft.out).lost.map((x) => x.key), ['M0'])
  const file = join(folder, 'probe.lua')
  assert.equal(JSON.parse(wangyi('backtest', file, ...PERIOD, '--setting', 'most=5', '--json', ...there()).out).gained[0].key, 'M1')
})

test('of a server why is asked, in words and as JSON', () => {
  const run = wangyi('explain', 'probe', '--about', 'meter_reading|M1', ...there())
  assert.equal(run.code, 0, run.err)
  assert.match(run.out, /没有报出：读数 7，未超过 10，差 3/)
  assert.match(run.out, /依据 .* M1\|2020-03-01T08:00:00\+08:00/)
  assert.equal(JSON.parse(wangyi('explain', 'probe', '--about', 'meter_reading|M0', '--json', ...there()).out).answer, 'fired')
})

test('a directory is only read: not a byte of it changes, and twice gives the same', async () => {
  await street.stop()
  const before = digest(street.data)
  const run = () => wangyi('backtest', 'probe', ...PERIOD, '--setting', 'most=25', '--data', street.data, '--json')
  const first = run()
  assert.equal(first.code, 0, first.err)
  assert.equal(run().out, first.out)
  const csv = wangyi('backtest', 'probe', ...PERIOD, '--setting', 'most=25', '--data', street.data, '--csv').out.split('\r\n')
  assert.match(csv[0], /^\uFEFFchange,key,kind,/)
  assert.match(csv[1], /^"lost","M0".*"'=读数 20.0"/, 'a formula is made harmless')
  assert.equal(wangyi('explain', 'probe', '--about', 'meter_reading|M0', '--data', street.data).code, 0)
  assert.equal(digest(street.data), before)
  await street.start()
})

test('wrong words are exit code 2, what cannot be done is 1, and both say why', () => {
  for (const args of [['backtest'], ['backtest', 'probe'], ['backtest', 'probe', '--from', 'noon', '--until', '2020-03-01'],
    ['backtest', 'probe', ...PERIOD, '--to', 'http://127.0.0.1:1'], ['backtest', 'probe', ...PERIOD, '--to', '2020-04'],
    ['explain', 'probe'], ['explain', 'probe', '--about', 'meter'], ['explain', 'probe', '--about', 'a|b', '--at', 'noon']]) {
    const run = wangyi(...args)
    assert.equal(run.code, 2, args.join(' '))
    assert.notEqual(run.err, '')
  }
  for (const [args, words] of [
    [['backtest', 'nosuch', ...PERIOD, '--data', street.data], /没有场景/],
    [['backtest', 'probe', ...PERIOD, '--setting', 'moost=1', '--data', street.data], /moost/],
    [['backtest', 'probe', ...PERIOD, '--setting', 'most=5000', '--data', street.data], /most/],
    [['backtest', 'probe', ...PERIOD, '--data', join(folder, 'none')], /none/],
    [['explain', 'probe', '--about', 'nosuch|A', '--data', street.data], /nosuch/]]) {
    const run = wangyi(...args)
    assert.equal(run.code, 1, args.join(' '))
    assert.match(run.err, words)
    assert.equal(run.out, '')
  }
})
