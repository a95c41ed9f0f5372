// The commands as a person at a shell meets them: words, exit codes, what is on stdout. No server runs.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync, readFileSync, mkdirSync, cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BINARY = resolve(ROOT, process.env.WANGYI || 'build/wangyi')
const PASSWORD = 'correct horse 70\n'
let folder

function wangyi(args, input = '') {
  const run = spawnSync(BINARY, args, { cwd: ROOT, input, encoding: 'utf8', timeout: 60000, maxBuffer: 64 << 20 })
  return { code: run.status, out: run.stdout, err: run.stderr }
}
function file(name, text) {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const fresh = (name) => join(folder, name)

before(() => { folder = mkdtempSync(join(tmpdir(), 'wangyi-cli-')) })
after(() => rmSync(folder, { recursive: true, force: true }))

test('every command has help on stdout and exit code 0', () => {
  const { out, code } = wangyi(['--help'])
  assert.equal(code, 0)
  const names = [...out.matchAll(/^ {2}([a-z]+) /gm)].map((m) => m[1])
  assert.ok(names.length >= 12, out)
  for (const name of names) {
    const help = wangyi([name, '--help'])
    assert.equal(help.code, 0, name)
    assert.match(help.out, new RegExp(`wangyi ${name}`))
  }
})

test('a wrong command, option or word is exit code 2 and says so on stderr only', () => {
  for (const args of [[], ['fly'], ['version', '--fast'], ['verify', '--data'], ['ingest', 'visit'],
    ['user', 'add', 'x', '--password-stdin'], ['key', 'add'], ['export', 'visit', '--format', 'xls'],
    ['serve', '--demo', '--clock', '2020-01-01T00:00:00+08:00'], ['serve', '--clock', 'noon'],
    ['serve', '--tls-cert', 'cert.pem'], ['serve', '--alert-limit', 'many'], ['help', 'fly'],
    ['ingest', 'enterprise', '/dev/null', '--format', 'xml']]) {
    const run = wangyi(args)
    assert.equal(run.code, 2, args.join(' '))
    assert.equal(run.out, '', args.join(' '))
    assert.notEqual(run.err, '', args.join(' '))
  }
})

test('help with the name of a command is the help of that command', () => {
  assert.equal(wangyi(['help', 'serve']).out, wangyi(['serve', '--help']).out)
})

test('what cannot be served is told at once, before a data directory is made', () => {
  const data = fresh('never-made')
  for (const args of [['--listen', 'nonsense'], ['--listen', '127.0.0.1:99999'], ['--scenarios', fresh('none')],
    ['--scripts', fresh('none')], ['--tls-cert', fresh('none'), '--tls-key', fresh('none')]]) {
    const run = wangyi(['serve', '--data', data, ...args])
    assert.equal(run.code, 1, run.err)
    assert.match(run.err, /^wangyi: .*\p{Script=Han}/u)
    assert.ok(!existsSync(data), args.join(' '))
  }
})

test('a file that is not there is named, and an unknown type is not reported as a batch', () => {
  const absent = wangyi(['ingest', 'enterprise', fresh('absent.txt'), '--data', fresh('unused')])
  assert.equal(absent.code, 1)
  assert.match(absent.err, /absent\.txt/)
  const unknown = wangyi(['ingest', 'nosuch', '/dev/null', '--format', 'csv', '--data', fresh('unused')])
  assert.deepEqual([unknown.code, unknown.out], [1, ''])
})

test('lines from a pipe are NDJSON unless a format is named', () => {
  const run = wangyi(['ingest', 'enterprise', '-', '--data', fresh('pipe'), '--json'],
    '{"ent_id":"E1","snapshot_month":"2020-01","name":"示例"}\n')
  assert.equal(run.code, 0, run.err)
  assert.equal(JSON.parse(run.out).accepted, 1)
})

test('version speaks JSON', () => {
  assert.match(JSON.parse(wangyi(['version', '--json']).out).version, /^\d+\.\d+\.\d+$/)
})

test('a user is added once; a taken name, a short password, an unknown office are refused', () => {
  const data = fresh('users')
  const add = (name, input, ...more) =>
    wangyi(['user', 'add', name, '--role', 'office', '--data', data, '--password-stdin', ...more], input)
  assert.equal(add('chen', PASSWORD, '--office', 'safety', '--community', 'xiaohe').code, 0)
  assert.equal(add('chen', PASSWORD, '--office', 'safety').code, 1)
  assert.equal(add('lin', 'short\n', '--office', 'safety').code, 1)
  assert.equal(add('lin', PASSWORD, '--office', 'nowhere').code, 1)
  assert.equal(add('lin', '', '--office', 'safety').code, 1)
  assert.equal(statSync(data).mode & 0o077, 0)
})

test('a machine key is printed once as JSON; unknown types are refused', () => {
  const data = fresh('keys')
  const { id, key } = JSON.parse(wangyi(['key', 'add', '--types', 'visit,ent_income', '--data', data, '--json']).out)
  assert.ok(key.includes(id) && key.length >= 40)
  assert.equal(wangyi(['key', 'add', '--types', 'nothing', '--data', data]).code, 1)
})

test('ingest keeps good lines, names bad ones, and a repeat changes nothing', () => {
  const data = fresh('ingest')
  const path = file('income.ndjson', '{"ent_id":"E1","month":"2020-06","income_cny":1}\n{"ent_id":"E1","month":"2020-13"}\n' +
    'nonsense\n{"ent_id":"E2","month":"2020-06","income_cny":2}\n')
  const run = (extra = []) => wangyi(['ingest', 'ent_income', path, '--data', data, '--json', ...extra])
  const first = run()
  assert.equal(first.code, 1)
  const answer = JSON.parse(first.out)
  assert.equal(answer.accepted, 2)
  assert.deepEqual(answer.rejected.map((r) => r.line), [2, 3])
  const again = JSON.parse(run().out)
  assert.equal(again.accepted, 0)
  assert.equal(again.unchanged, 2)
  assert.equal(wangyi(['ingest', 'nothing', path, '--data', data]).code, 1)
  assert.equal(wangyi(['ingest', 'ent_income', join(folder, 'missing.csv'), '--data', data]).code, 1)
  assert.equal(wangyi(['ingest', 'ent_income', file('income.txt', ''), '--data', data]).code, 2)
})

test('a full list takes back what is missing in its scope, in CSV and JSON alike', () => {
  const data = fresh('full')
  const csv = file('full.csv', 'ent_id,month,income_cny\nE1,2020-06,1\nE2,2020-06,2\nE3,2020-05,3\n')
  assert.equal(wangyi(['ingest', 'ent_income', csv, '--data', data]).code, 0)
  const list = file('full.json', '[{"ent_id":"E2","month":"2020-06","income_cny":2}]')
  const answer = JSON.parse(wangyi(['ingest', 'ent_income', list, '--data', data, '--mode', 'full', '--scope', '2020-06',
    '--json']).out)
  assert.equal(answer.withdrawn, 1)
  const left = wangyi(['export', 'ent_income', '--data', data]).out.trim().split('\n').map((l) => JSON.parse(l).ent_id)
  assert.deepEqual(left.sort(), ['E2', 'E3'])
})

test('export masks private fields and defuses formulas', () => {
  const data = fresh('export')
  const people = file('identity.ndjson', '{"person_key":"P1","name":"张三丰","phone":"13800138000"}\n')
  assert.equal(wangyi(['ingest', 'identity', people, '--data', data]).code, 0)
  const shown = wangyi(['export', 'identity', '--data', data]).out
  assert.ok(!shown.includes('三丰') && !shown.includes('13800138000'), shown)
  const visits = file('visit.ndjson', JSON.stringify({ visit_id: 'V1', visited_at: '2020-07-01T09:00:00+08:00',
    note: '=HYPERLINK("http://x","a"),1', result: '-5+3', visitor_id: '@sum' }) + '\n')
  assert.equal(wangyi(['ingest', 'visit', visits, '--data', data]).code, 0)
  const csv = wangyi(['export', 'visit', '--format', 'csv', '--data', data]).out
  assert.ok(csv.includes('"\'=HYPERLINK(""http://x"",""a""),1"'), csv)
  assert.ok(csv.includes('"\'-5+3"') && csv.includes('"\'@sum"'), csv)
})

test('verify, backup and restore: the copy is whole, a full directory is not overwritten', () => {
  const data = fresh('first'), copy = fresh('copy'), back = fresh('back')
  const path = file('b.ndjson', Array.from({ length: 500 }, (_, i) =>
    JSON.stringify({ ent_id: `E${i}`, month: '2020-06', income_cny: i })).join('\n') + '\n')
  assert.equal(wangyi(['ingest', 'ent_income', path, '--data', data]).code, 0)
  assert.equal(wangyi(['verify', '--data', data]).code, 0)
  assert.equal(wangyi(['backup', copy, '--data', data]).code, 0)
  assert.equal(wangyi(['backup', copy, '--data', data]).code, 1)
  assert.equal(wangyi(['restore', copy, '--data', data]).code, 1)
  assert.equal(wangyi(['restore', copy, '--data', back]).code, 0)
  const report = JSON.parse(wangyi(['verify', '--data', back, '--json']).out)
  assert.equal(report.problems, 0)
  assert.equal(wangyi(['export', 'ent_income', '--data', back]).out, wangyi(['export', 'ent_income', '--data', data]).out)
})

test('a damaged backup is refused', () => {
  const data = fresh('damage'), copy = fresh('damaged')
  const path = file('d.ndjson', Array.from({ length: 300 }, (_, i) =>
    JSON.stringify({ ent_id: `DAMAGED${i}`, month: '2020-06', income_cny: i })).join('\n') + '\n')
  assert.equal(wangyi(['ingest', 'ent_income', path, '--data', data]).code, 0)
  assert.equal(wangyi(['backup', copy, '--data', data]).code, 0)
  const db = join(copy, 'store', 'data.mdb')
  const bytes = readFileSync(db)
  for (let at = bytes.indexOf('DAMAGED'); at >= 0; at = bytes.indexOf('DAMAGED', at + 7)) bytes[at] ^= 1
  writeFileSync(db, bytes)
  assert.equal(wangyi(['restore', copy, '--data', fresh('never')]).code, 1)
})

test('check passes our scenarios and names line and reason of a bad one', () => {
  assert.equal(wangyi(['check', 'scenarios/ent_new.lua']).code, 0)
  const bad = wangyi(['check', file('bad.lua', 'return {\n  title = "x",\n  nonsense nonsense\n}\n'), '--json'])
  assert.equal(bad.code, 1)
  assert.equal(JSON.parse(bad.out).report.problems[0].line, 3)
})

test('test --cases names line and reason of a broken case and runs the others', () => {
  const good = { scenario: 'ent_new', given: [], at: '2020-07-09T08:00:00+08:00', expect: [] }
  const lines = [good, null, { ...good, scenario: 'nope' }, { ...good, given: [['nothing', {}]] },
    { ...good, at: undefined }, { ...good, at: '2020-02-30T08:00:00+08:00' }, { ...good, settings: { nope: 1 } }, good]
  const text = lines.map((line) => (line ? JSON.stringify(line) : '{"scenario":')).join('\n')
  const { code, out } = wangyi(['test', '--json', '--cases', file('cases.ndjson', '\uFEFF' + text + '\r\n')])
  const said = out.trim().split('\n').map((line) => JSON.parse(line))
  const of = (line) => said.find((one) => one.line === line)
  assert.equal(code, 1)
  assert.deepEqual(said.at(-1), { passed: 2, failed: 6 })
  assert.ok(of(1).ok && of(8).ok)
  for (const [line, reason] of [[2, /字节/], [3, /nope/], [4, /没有记录类型 nothing/], [5, /缺少 at/], [6, /写错/],
    [7, /没有参数 nope/]])
    assert.match(of(line).message, reason)
})

test("the README's table of scenarios is what --table prints", () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const [, there] = /<!-- wangyi test --table -->\n([^]*?)<!-- end of table -->/.exec(readme)
  assert.equal(there.trim(), wangyi(['test', '--table']).out.trim(), 'put it there again: build/wangyi test --table')
})

test('test --table makes one row of a scenario: office, shape, examples, what they reached', () => {
  const { code, out } = wangyi(['test', '--table', 'ent_new'])
  assert.equal(code, 0)
  const [head, rule, row, ...rest] = out.trimEnd().split('\n')
  assert.match(head, /^\| scenario \| office \| shape \| examples \| lines reached \| checks seen both ways \|$/)
  assert.match(rule, /^\|( --- \|){6}$/)
  const cells = row.split('|').map((one) => one.trim())
  assert.deepEqual(cells.slice(1, 4), ['`ent_new` 新增企业', '区域发展办', 'DIFF'])
  assert.ok(Number(cells[4]) >= 2, row)
  assert.match(cells[5], /^[1-9]\d*\/[1-9]\d*$/)
  assert.match(cells[6], /^[1-9]\d*\/[1-9]\d*$/)
  assert.deepEqual(rest, [])
})

test('what changes something that is there makes no directory for a mistyped --data', () => {
  const data = fresh('mistyped')
  for (const args of [['reload'], ['user', 'set', 'chen', '--disable'], ['key', 'revoke', 'abc']]) {
    const run = wangyi([...args, '--data', data])
    assert.equal(run.code, 1, run.err)
    assert.match(run.err, /mistyped.*--data/)
    assert.ok(!existsSync(data), args.join(' '))
  }
})

test('an account is changed and a key revoked while no server runs', () => {
  const data = fresh('changed')
  const set = (name, args, input) => wangyi(['user', 'set', name, ...args, '--data', data], input)
  for (const [name, ...role] of [['root', 'admin'], ['chen', 'office', '--office', 'safety']])
    assert.equal(wangyi(['user', 'add', name, '--role', ...role, '--data', data, '--password-stdin'], PASSWORD).code, 0)
  assert.equal(set('chen', ['--role', 'community', '--community', 'xiaohe', '--office', '']).code, 0)
  assert.equal(set('chen', ['--disable']).code, 0)
  assert.equal(set('chen', ['--enable', '--password-stdin', '--display', '陈'], 'another word 71\n').code, 0)
  for (const [args, reason] of [[['--disable'], /最后一个/], [['--role', 'leader'], /最后一个/]]) {
    const run = set('root', args)
    assert.deepEqual([run.code, run.out], [1, ''])
    assert.match(run.err, reason)
  }
  assert.equal(set('chen', ['--office', 'nowhere']).code, 1)
  assert.equal(set('chen', ['--password-stdin'], 'short\n').code, 1)
  assert.equal(set('nobody', ['--disable']).code, 1)
  for (const args of [[], ['--disable', '--enable'], ['--disable', '--to', 'http://127.0.0.1:1']])
    assert.equal(set('chen', args).code, 2, args.join(' '))
  const { id } = JSON.parse(wangyi(['key', 'add', '--types', 'visit', '--data', data, '--json']).out)
  assert.equal(wangyi(['key', 'revoke', id, '--data', data]).code, 0)
  assert.equal(wangyi(['key', 'revoke', 'nosuchkey000', '--data', data]).code, 1)
  assert.equal(wangyi(['key', 'revoke', '--data', data]).code, 2)
})

test('a line whose composite key could not be asked for is refused with its field', () => {
  const run = wangyi(['ingest', 'ent_income', '-', '--data', fresh('bar'), '--json'],
    '{"ent_id":"E1","month":"2020-06","income_cny":1}\n{"ent_id":"E1|x","month":"2020-06","income_cny":1}\n')
  const [refused] = JSON.parse(run.out).rejected
  assert.deepEqual([refused.line, refused.field], [2, 'ent_id'])
  const alone = wangyi(['ingest', 'visit', '-', '--data', fresh('bar'), '--json'],
    '{"visit_id":"V|1","visited_at":"2020-07-01T09:00:00+08:00"}\n')
  assert.equal(alone.code, 0, alone.err)
})

test('reload reads changed files, refuses a broken one, and leaves the rest', () => {
  const data = fresh('reload'), scenarios = fresh('scenarios')
  mkdirSync(scenarios)
  cpSync(join(ROOT, 'scenarios/ent_new.lua'), join(scenarios, 'ent_new.lua'))
  assert.equal(wangyi(['key', 'add', '--types', 'visit', '--data', data]).code, 0)
  const reload = () => {
    const run = wangyi(['reload', '--data', data, '--scenarios', scenarios, '--json'])
    return { code: run.code, ...JSON.parse(run.out) }
  }
  assert.deepEqual(reload().changed, [{ id: 'ent_new', number: 1 }])
  assert.equal(reload().unchanged, 1)
  const text = readFileSync(join(scenarios, 'ent_new.lua'), 'utf8')
  writeFileSync(join(scenarios, 'ent_new.lua'), text.replace('title    = "新增企业"', 'title    = "新增企业（试）"'))
  assert.deepEqual(reload().changed, [{ id: 'ent_new', number: 2 }])
  writeFileSync(join(scenarios, 'ent_new.lua'), text + '\nsyntax error here')
  const refused = reload()
  assert.equal(refused.code, 1)
  assert.equal(refused.refused[0].id, 'ent_new')
})
