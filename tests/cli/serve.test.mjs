// A running server and the commands beside it: --to, reload by signal and by watching, clocks, a second server, the demo.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BINARY = resolve(ROOT, process.env.WANGYI || 'build/wangyi')
const PASSWORD = 'correct horse 70'
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
let folder
const children = new Set()

before(() => { folder = mkdtempSync(join(tmpdir(), 'wangyi-serve-')) })
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function wangyi(args, { input = '', env = {} } = {}) {
  const run = spawnSync(BINARY, args, {
    cwd: ROOT, input, encoding: 'utf8', timeout: 60000, maxBuffer: 64 << 20, env: { ...process.env, ...env }
  })
  return { code: run.status, out: run.stdout, err: run.stderr }
}

const ended = (child) => child.exitCode !== null || child.signalCode !== null
  ? Promise.resolve(child.exitCode) : new Promise((done) => child.once('exit', done))

async function until(what, ask, ms = 60000) { // the first start tries every example of every scenario
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
    const answer = await ask()
    if (answer) return answer
  }
  throw new Error(`not within ${ms} ms: ${what}`)
}

async function serve(data, ...args) {
  const portFile = join(data + '.port')
  rmSync(portFile, { force: true })
  const child = spawn(BINARY, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--port-file', portFile, ...args],
    { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
  children.add(child)
  child.log = ''
  child.stderr.on('data', (text) => { child.log += text })
  child.url = await until('the server is ready\n' + child.log, async () => {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${child.log}`)
    try {
      const url = `http://127.0.0.1:${Number(readFileSync(portFile, 'utf8'))}`
      return (await fetch(url + '/-/ready')).ok && url
    } catch { return false }
  })
  child.stop = async () => {
    child.kill('SIGTERM')
    const code = await ended(child)
    children.delete(child)
    return code
  }
  return child
}

function addAdmin(data) {
  assert.equal(wangyi(['user', 'add', 'root', '--role', 'admin', '--data', data, '--password-stdin'],
    { input: PASSWORD + '\n' }).code, 0)
}

function oneScenario(name) {
  const scenarios = join(folder, name)
  mkdirSync(scenarios)
  cpSync(join(ROOT, 'scenarios/ent_new.lua'), join(scenarios, 'ent_new.lua'))
  return scenarios
}
function retitle(scenarios, title) {
  const path = join(scenarios, 'ent_new.lua')
  writeFileSync(path, readFileSync(path, 'utf8').replace(/title {4}= "[^"]*"/, `title    = "${title}"`))
}

test('user, key, ingest, reload and backup work against a running server', async () => {
  const data = join(folder, 'remote')
  addAdmin(data)
  const server = await serve(data)
  const as = ['--to', server.url, '--as', 'root']
  const env = { WANGYI_PASSWORD: PASSWORD }
  assert.equal(wangyi(['user', 'add', 'chen', '--role', 'office', '--office', 'safety', '--password-stdin', ...as],
    { input: 'another word 71\n', env }).code, 0)
  assert.equal(wangyi(['user', 'add', 'chen', '--role', 'office', '--office', 'safety', '--password-stdin', ...as],
    { input: 'another word 71\n', env }).code, 1)
  const key = wangyi(['key', 'add', '--types', 'visit', '--json', ...as], { env })
  assert.equal(key.code, 0, key.err)
  const visits = join(folder, 'visits.ndjson')
  writeFileSync(visits, Array.from({ length: 3000 }, (_, i) => JSON.stringify({ visit_id: `V${i}`,
    visited_at: '2020-07-01T09:00:00+08:00', note: '问过订单、用工和房租'.repeat(5) })).join('\n') + '\n{"visit_id":1}\n')
  const sent = wangyi(['ingest', 'visit', visits, '--to', server.url, '--json'],
    { env: { WANGYI_KEY: JSON.parse(key.out).key } })
  assert.equal(sent.code, 1, sent.err)
  const answer = JSON.parse(sent.out)
  assert.equal(answer.accepted, 3000, sent.out.slice(0, 600))
  assert.deepEqual(answer.rejected.map((r) => r.line), [3001])
  assert.equal(wangyi(['ingest', 'visit', visits, '--to', server.url, '--key', 'wy_nobody_0']).code, 1)
  assert.equal(wangyi(['user', 'set', 'chen', '--office', 'party_gov', '--disable', ...as], { env }).code, 0)
  assert.equal(wangyi(['user', 'set', 'root', '--disable', ...as], { env }).code, 1)
  const { id, key: secret } = JSON.parse(key.out)
  assert.equal(wangyi(['key', 'revoke', id, ...as], { env }).code, 0)
  assert.equal(wangyi(['ingest', 'visit', visits, '--to', server.url], { env: { WANGYI_KEY: secret } }).code, 1)
  const reload = wangyi(['reload', '--json', ...as], { env })
  assert.equal(reload.code, 0, reload.err)
  assert.deepEqual(JSON.parse(reload.out).refused, [])
  const backup = wangyi(['backup', ...as], { env })
  assert.equal(backup.code, 0, backup.err)
  assert.equal(wangyi(['reload', ...as], { env: { WANGYI_PASSWORD: 'wrong word here' } }).code, 1)
  assert.equal(wangyi(['export', 'visit', '--data', data]).out.trim().split('\n').length, 3000, 'export beside the server')
  assert.equal(await server.stop(), 0)
  assert.equal(wangyi(['verify', '--data', JSON.parse(backup.out).dir]).code, 0)
  assert.equal(wangyi(['ingest', 'visit', visits, '--to', server.url, '--key', 'x']).code, 1, 'nobody listens')
})

test('a port in use is told before the sample street is loaded', async () => {
  const first = await serve(join(folder, 'port'))
  const data = join(folder, 'port-demo')
  const second = wangyi(['serve', '--demo', '--data', data, '--listen', new URL(first.url).host])
  assert.equal(second.code, 1)
  assert.match(second.err, /无法监听/)
  assert.ok(!existsSync(data))
  assert.equal(await first.stop(), 0)
})

test('one directory has one server and no second writer', async () => {
  const data = join(folder, 'single')
  addAdmin(data)
  const server = await serve(data)
  const second = wangyi(['serve', '--data', data, '--listen', '127.0.0.1:0'])
  assert.equal(second.code, 1)
  assert.notEqual(second.err, '')
  assert.equal(wangyi(['user', 'add', 'x2', '--role', 'admin', '--data', data, '--password-stdin'],
    { input: PASSWORD + '\n' }).code, 1)
  assert.equal((await fetch(server.url + '/-/ready')).status, 200)
  assert.equal(await server.stop(), 0)
})

test('SIGHUP reads a changed scenario; a broken one leaves the old one running', async () => {
  const data = join(folder, 'hup')
  const scenarios = oneScenario('hup-scenarios')
  const server = await serve(data, '--scenarios', scenarios)
  retitle(scenarios, '新企业')
  server.kill('SIGHUP')
  await until('the change is read', () => /reload: changed=1/.test(server.log))
  writeFileSync(join(scenarios, 'ent_new.lua'), 'return {')
  server.kill('SIGHUP')
  await until('the broken file is refused', () => /reload: changed=0 unchanged=0 refused=1/.test(server.log))
  assert.equal((await fetch(server.url + '/-/ready')).status, 200)
  assert.equal(await server.stop(), 0)
})

test('what is left behind verifies, also when the engine and then the server are killed at work', async () => {
  const data = join(folder, 'killed')
  const server = await serve(data, '--scenarios', oneScenario('killed-scenarios'))
  const engineOf = () => /^ *(\d+) .*wangyi engine --/m.exec( // not the one that reads feeds
    spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(server.pid)], { encoding: 'utf8' }).stdout)?.[1]
  const engine = await until('the engine runs', engineOf)
  process.kill(Number(engine), 'SIGKILL')
  await until('another engine runs', () => engineOf() !== engine && engineOf())
  await until('it works', () => (server.log.match(/engine: started/g) || []).length > 1)
  server.kill('SIGKILL')
  await ended(server)
  const run = wangyi(['verify', '--data', data, '--json'])
  assert.equal(run.code, 0, run.err)
  assert.equal(JSON.parse(run.out).problems, 0)
})

test('a broken office file leaves the one before in force, at a reload and at the next start', async () => {
  const data = join(folder, 'office')
  const scripts = join(folder, 'scripts')
  cpSync(join(ROOT, 'scripts'), scripts, { recursive: true })
  const server = await serve(data, '--scripts', scripts)
  writeFileSync(join(scripts, 'office/org.lua'), 'return {')
  server.kill('SIGHUP')
  await until('it is refused', () => /office=refused/.test(server.log))
  assert.equal(await server.stop(), 0)
  const again = await serve(data, '--scripts', scripts)
  assert.match(again.log, /office files refused/)
  assert.equal(await again.stop(), 0)
  assert.equal(wangyi(['serve', '--data', join(folder, 'none'), '--scripts', scripts, '--listen', '127.0.0.1:0']).code, 1)
})

test('--watch reads a saved file by itself', async () => {
  const data = join(folder, 'watch')
  const scenarios = oneScenario('watch-scenarios')
  const server = await serve(data, '--scenarios', scenarios, '--watch')
  retitle(scenarios, '新企业')
  await until('the change is read', () => /reload: changed=1/.test(server.log))
  assert.equal(await server.stop(), 0)
})

test('a held clock is refused where the real one has run, and stays held where it was', async () => {
  const clock = ['--clock', '2020-03-10T07:59:00+08:00']
  const real = join(folder, 'real')
  await (await serve(real)).stop()
  const refused = wangyi(['serve', '--data', real, '--listen', '127.0.0.1:0', ...clock])
  assert.equal(refused.code, 1)
  const held = join(folder, 'held')
  addAdmin(held) // preparing accounts is not living
  await (await serve(held, ...clock)).stop()
  const server = await serve(held)
  const session = await fetch(server.url + '/api/v1/session', {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'root', password: PASSWORD })
  })
  const cookie = session.headers.get('set-cookie').split(';')[0]
  const now = await (await fetch(server.url + '/api/v1/clock', { headers: { Cookie: cookie } })).json()
  assert.deepEqual(now, { now: '2020-03-10T07:59:00+08:00', held: true })
  assert.equal(await server.stop(), 0)
})

test('the demo loads into an empty directory only; its story makes every scenario speak', async () => {
  const data = join(folder, 'demo')
  const server = await serve(data, '--demo', '--pace', '0')
  const signIn = async (server, name) => {
    const session = await fetch(server.url + '/api/v1/session', {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name, password: 'xiaohe-demo-2020' })
    })
    assert.equal(session.status, 200)
    return session.headers.get('set-cookie').split(';')[0]
  }
  const cookie = await signIn(server, 'regional_dev')
  const story = await until('the story is told', async () => {
    const list = await (await fetch(server.url + '/api/v1/alerts?scenario=ent_operation_abnormal', { headers: { Cookie: cookie } })).json()
    return list.items.find((a) => a.title.startsWith('示例物联电商'))
  }, 60000)
  assert.match(story.text, /17\.1%/)
  assert.equal(story.level, 'yellow')
  assert.deepEqual(story.communities, ['changzhengqiao'])
  const admin = await signIn(server, 'admin')
  const ask = async (path) => (await fetch(server.url + '/api/v1' + path, { headers: { Cookie: admin } })).json()
  const scenarios = (await ask('/scenarios')).items
  assert.ok(scenarios.length >= 38, `${scenarios.length} scenarios`)
  const silent = async () => {
    const all = await Promise.all(scenarios.map(async ({ id }) => ((await ask('/alerts?limit=1&scenario=' + id)).items.length ? [] : [id])))
    return all.flat()
  }
  await until('every scenario has spoken', async () => (await silent()).length === 0, 120000)
    .catch(async () => assert.fail('silent: ' + (await silent()).join(' ')))
  assert.deepEqual((await ask('/scenarios')).items.filter((one) => one.state === 'stopped').map((one) => [one.id, one.fault]), [])
  assert.equal(await server.stop(), 0)
  assert.equal(wangyi(['verify', '--data', data]).code, 0)
  const other = join(folder, 'other')
  addAdmin(other)
  assert.equal(wangyi(['serve', '--data', other, '--demo', '--listen', '127.0.0.1:0']).code, 1)
})
