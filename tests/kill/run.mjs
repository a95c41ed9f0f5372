// Kill loop: server and engine are killed at random under load; afterwards nothing acknowledged is lost,
// nothing is stored that nobody sent, and every stored record was judged exactly once.
//
//   node tests/kill/run.mjs [--kills 20] [--seed N]
//
// The oracle: each writer notes an id before it sends it and again when it was acknowledged. Scenario
// kill_each raises one alert per record, kill_count counts them in an alert and in its own state.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BINARY = resolve(ROOT, process.env.WANGYI || 'build/wangyi')
const option = (name, fallback) => {
  const at = process.argv.indexOf(name)
  return at < 0 ? fallback : Number(process.argv[at + 1])
}
const KILLS = option('--kills', 20)
const SEED = option('--seed', (Date.now() % 1e9) | 0)
const WRITERS = 4
const PASSWORD = 'kill-loop-2020'
const READY_MS = 20000

let state = SEED >>> 0
function random(n) { // mulberry32: the same seed kills at the same moments
  state = (state + 0x6d2b79f5) >>> 0
  let t = state
  t = Math.imul(t ^ (t >>> 15), t | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) % n
}
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const data = mkdtempSync(join(tmpdir(), 'wangyi-kill-'))
const portFile = join(data, 'port')
let child, url, key, log = ''

function wangyi(args, input) {
  const run = spawnSync(BINARY, args, { cwd: ROOT, input, encoding: 'utf8', timeout: 30000 })
  if (run.status !== 0) throw new Error(`wangyi ${args.join(' ')}: ${run.status}\n${run.stderr}`)
  return run.stdout
}

async function start() {
  rmSync(portFile, { force: true })
  child = spawn(BINARY, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--port-file', portFile,
    '--scenarios', 'tests/kill/scenarios', '--alert-limit', '0'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
  const mine = child
  child.stderr.on('data', (text) => { log = (log + text).slice(-20000) })
  for (const until = Date.now() + READY_MS; Date.now() < until; await sleep(10)) {
    if (mine.exitCode !== null) throw new Error(`server ended with ${mine.exitCode}`)
    try {
      url = `http://127.0.0.1:${Number(readFileSync(portFile, 'utf8'))}`
      if ((await fetch(url + '/-/ready')).ok) return
    } catch { /* not yet */ }
  }
  throw new Error('server not ready in time')
}

const sent = new Set(), acknowledged = new Set()
let stop = false, serial = 0

/** Sends small batches; a batch without an answer may or may not be there. */
async function writer(number) {
  while (!stop) {
    const ids = Array.from({ length: 1 + random(20) }, () => `W${number}-${++serial}`)
    ids.forEach((id) => sent.add(id))
    const body = ids.map((id) => JSON.stringify({ visit_id: id, subject_type: 'enterprise', subject_id: 'E' + number,
      visited_at: '2020-07-01T09:00:00+08:00', visitor_id: 'kill' })).join('\n')
    try {
      const answer = await fetch(url + '/api/v1/records/visit', { method: 'POST', body,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' },
        signal: AbortSignal.timeout(10000) })
      const result = await answer.json()
      if (answer.ok) {
        if (result.accepted !== ids.length) throw new Error(`accepted ${JSON.stringify(result)}`)
        ids.forEach((id) => acknowledged.add(id))
      }
    } catch (e) {
      if (e instanceof SyntaxError || e.name === 'Error') problems.push(String(e))
    }
    await sleep(random(20))
  }
}

/** The engine's pid: the only child process of the server that is `wangyi engine`. */
function enginePid() {
  const out = spawnSync('pgrep', ['-P', String(child.pid), '-f', 'engine --'], { encoding: 'utf8' }).stdout.trim()
  return out ? Number(out.split('\n')[0]) : 0
}

const problems = []
async function api(path, cookie) {
  const answer = await fetch(url + '/api/v1' + path, { headers: cookie ? { cookie } : { authorization: `Bearer ${key}` } })
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}
async function all(path, cookie) {
  const items = []
  for (let after = ''; ;) {
    const page = await api(`${path}${path.includes('?') ? '&' : '?'}limit=50${after}`, cookie)
    items.push(...page.items)
    if (!page.next) return items
    after = '&after=' + encodeURIComponent(page.next)
  }
}
async function signIn() {
  const answer = await fetch(url + '/api/v1/session', { method: 'POST', body: JSON.stringify({ name: 'chief', password: PASSWORD }),
    headers: { 'content-type': 'application/json', 'x-wangyi': '1' } })
  if (!answer.ok) throw new Error(`sign in: ${answer.status} ${await answer.text()}`)
  return answer.headers.get('set-cookie').split(';')[0]
}

async function judge() {
  const cookie = await signIn()
  for (const until = Date.now() + 30000; Date.now() < until; await sleep(100)) {
    const { items } = await api('/scenarios', cookie)
    for (const one of items) if (one.state === 'stopped') problems.push(`${one.id} stopped: ${JSON.stringify(one.fault)}`)
    if (items.every((one) => one.behind === 0 || one.state === 'stopped')) break
  }
  const stored = (await all('/records/visit', cookie)).map((one) => one.visit_id)
  const alerts = await all('/alerts', cookie)
  const set = new Set(stored)
  for (const id of acknowledged) if (!set.has(id)) problems.push(`acknowledged but lost: ${id}`)
  for (const id of stored) if (!sent.has(id)) problems.push(`stored but never sent: ${id}`)
  const each = new Map(alerts.filter((one) => one.scenario === 'kill_each').map((one) => [one.key, one]))
  for (const id of stored) {
    if (!each.has(id)) problems.push(`never judged: ${id}`)
    else if (each.get(id).count !== 1) problems.push(`judged ${each.get(id).count} times: ${id}`)
  }
  const counts = alerts.filter((one) => one.scenario === 'kill_count')
  const total = counts.find((one) => one.key === 'all')
  if (stored.length && total?.count !== stored.length) problems.push(`counted ${total?.count} of ${stored.length} in the alert`)
  const numbered = counts.filter((one) => /^n\d+$/.test(one.key))
  if (numbered.length !== stored.length || numbered.some((one) => one.count !== 1))
    problems.push(`counted ${numbered.length} of ${stored.length} in the scenario's own state`)
  return { stored: stored.length, alerts: alerts.length }
}

let exitCode = 1
try {
  wangyi(['user', 'add', 'chief', '--role', 'leader', '--data', data, '--password-stdin'], PASSWORD + '\n')
  key = JSON.parse(wangyi(['key', 'add', '--types', 'visit', '--data', data, '--json'])).key
  await start()
  const writers = Array.from({ length: WRITERS }, (_, i) => writer(i))
  let server = 0, engine = 0, slowest = 0
  for (let i = 0; i < KILLS; i++) {
    await sleep(50 + random(750))
    const pid = random(2) ? enginePid() : 0
    if (pid) {
      try { process.kill(pid, 'SIGKILL') } catch { /* gone by itself */ }
      engine++
    } else {
      child.kill('SIGKILL')
      await new Promise((done) => child.once('exit', done))
      const began = Date.now()
      await start()
      slowest = Math.max(slowest, Date.now() - began)
      server++
    }
  }
  stop = true
  await Promise.all(writers)
  const result = await judge()
  child.kill('SIGTERM')
  await new Promise((done) => child.once('exit', done))
  const verified = spawnSync(BINARY, ['verify', '--data', data], { cwd: ROOT, encoding: 'utf8' })
  if (verified.status !== 0) problems.push(`verify: ${verified.stdout}${verified.stderr}`)
  console.log(`kill loop: seed ${SEED}, server killed ${server} times, engine ${engine}; ${sent.size} sent, ` +
    `${acknowledged.size} acknowledged, ${result.stored} stored, ${result.alerts} alerts; slowest restart ${slowest} ms`)
  if (acknowledged.size === 0) problems.push('nothing was acknowledged: the loop showed nothing')
  exitCode = problems.length ? 1 : 0
} catch (e) {
  problems.push(e.stack)
} finally {
  stop = true
  if (child && child.exitCode === null) child.kill('SIGKILL')
  rmSync(data, { recursive: true, force: true })
}
for (const one of problems.slice(0, 20)) console.log('  ' + one)
if (problems.length) console.log(log.split('\n').slice(-20).join('\n'))
console.log(`kill loop: ${exitCode ? 0 : 1} passed, ${exitCode ? 1 : 0} failed (${problems.length} violations)`)
process.exit(exitCode)
