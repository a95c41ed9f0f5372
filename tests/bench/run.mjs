// make bench: what wangyi does, each as a ratio to a peer or a limit measured in the same run.
//
//   make bench [T=PART]      parts: intake socket crowd pages start latency reload memory backtest explain fanout
//                            store records all38 ticks
//   (default: all)
//
// Prints tables; never fails a build. Goals and last figures: README.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSocket } from '../http/lib/ws.mjs'
import { history, stream, STREAM_TYPES } from './street.mjs'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BINARY = resolve(ROOT, process.env.WANGYI || 'build/wangyi')
const BENCH = resolve(ROOT, process.env.BENCH || 'build/bench')
const PASSWORD = 'bench-street-2020'
const parts = new Set(process.argv.slice(2))
const wanted = (part) => parts.size === 0 || parts.has(part)
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const clean = []

function run(file, args, options = {}) {
  const result = spawnSync(file, args, { cwd: ROOT, encoding: 'utf8', ...options })
  if (result.status !== 0) throw new Error(`${file} ${args.join(' ')}: ${result.status} ${result.stderr}`)
  return result.stdout
}
const directory = () => {
  const dir = mkdtempSync(join(tmpdir(), 'wangyi-bench-'))
  clean.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
async function until(what, ms, check, pause = 2) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(pause)) if (await check()) return
  throw new Error(`${what}: not within ${ms} ms`)
}

function makeStreet(types = 'visit') {
  const data = directory()
  run(BINARY, ['user', 'add', 'chief', '--role', 'admin', '--data', data, '--password-stdin'], { input: PASSWORD + '\n' })
  return { data, key: JSON.parse(run(BINARY, ['key', 'add', '--types', types, '--data', data, '--json'])).key }
}

async function startServer(scenarios = 'tests/bench/scenarios', { data, key } = makeStreet(), more = []) {
  const portFile = join(data, 'port')
  rmSync(portFile, { force: true })
  const child = spawn(BINARY, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--port-file', portFile,
    '--scenarios', scenarios, '--alert-limit', '0', '--per-address', '10000', ...more], { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = '', hear = () => {}
  child.stderr.on('data', (text) => { log = (log + text).slice(-4000); hear(String(text)) })
  clean.push(() => child.exitCode === null && child.kill('SIGKILL'))
  let port = 0
  await until('server ready', 120000, async () => {
    if (child.exitCode !== null) throw new Error(log)
    try {
      port = Number(readFileSync(portFile, 'utf8'))
      return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok
    } catch { return false }
  })
  const url = `http://127.0.0.1:${port}`
  const answer = await fetch(url + '/api/v1/session', { method: 'POST', headers: { 'content-type': 'application/json', 'x-wangyi': '1' },
    body: JSON.stringify({ name: 'chief', password: PASSWORD }) })
  if (!answer.ok) throw new Error(await answer.text())
  const cookie = answer.headers.get('set-cookie').split(';')[0]
  const behind = async () => {
    const { items } = await (await fetch(url + '/api/v1/scenarios', { headers: { cookie } })).json()
    const stopped = items.find((one) => one.state === 'stopped')
    if (stopped) throw new Error(`${stopped.id}: ${JSON.stringify(stopped.fault)}`)
    return Math.max(...items.map((one) => one.behind))
  }
  const stop = async () => {
    child.kill('SIGTERM')
    await new Promise((done) => child.once('exit', done))
  }
  return { data, key, port, url, cookie, child, behind, stop, onLog: (to) => { hear = to } }
}

async function startRedis() {
  const dir = directory(), port = 20000 + Math.floor(Math.random() * 20000)
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '',
    '--appendonly', 'yes', '--appendfsync', 'always'], { stdio: 'ignore' })
  clean.push(() => child.exitCode === null && child.kill('SIGKILL'))
  await until('redis ready', 5000, () => spawnSync('redis-cli', ['-p', String(port), 'ping']).stdout?.toString().startsWith('PONG'))
  const library = readFileSync(join(ROOT, 'tests/bench/rules.lua'))
  const load = () => run('redis-cli', ['-p', String(port), '-x', 'FUNCTION', 'LOAD', 'REPLACE'], { input: library })
  load()
  return { port, library, stop: () => child.kill('SIGTERM') }
}

/** Seconds from the first record to the last answer. */
const load = (proto, port, key, name, connections, batch, total, depth = 1) => new Promise((done, fail) => {
  const child = spawn(join(BENCH, 'bench_load'), [proto, port, key, name, connections, batch, total, depth].map(String))
  let out = '', err = ''
  child.stdout.on('data', (text) => { out += text })
  child.stderr.on('data', (text) => { err += text })
  child.on('exit', (code) => (code ? fail(new Error(err)) : done(Number(out.split(' ')[0]))))
})
const rate = (n) => (n >= 1000 ? `${Math.round(n / 1000)} k` : String(Math.round(n)))
const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)]

/** Records a second until every cursor has caught up, and until the last answer. */
async function judged(server, name, connections, batch, total, proto = 'http', depth = 1) {
  const began = performance.now()
  const seconds = await load(proto, server.port, server.key, name, connections, batch, total, depth)
  await until('cursors', 120000, async () => (await server.behind()) === 0)
  return [total / ((performance.now() - began) / 1000), total / seconds]
}

async function intake() {
  const shapes = [[1, 1, 2000], [50, 1, 20000], [4, 100, 100000], [4, 1000, 400000]]
  console.log('\nDurable intake with five rules, records/s (wangyi: until every cursor has caught up)')
  console.log('connections × batch |  wangyi | answered |  Redis | limit | ÷ Redis | ÷ limit')
  const redis = await startRedis()
  for (const [connections, batch, total] of shapes) {
    const ours = [], answered = [], theirs = [], limits = []
    for (let round = 0; round < 3; round++) {
      const server = await startServer()
      const [all, told] = await judged(server, 'R' + round, connections, batch, total)
      ours.push(all)
      answered.push(told)
      await server.stop()
      theirs.push(total / await load('redis', redis.port, '-', `R${round}c${connections}b${batch}`, connections, batch, total))
      limits.push(Number(run(join(BENCH, 'bench_limit'), [directory(), String(batch * connections), String(total)]).split(' ')[1]))
    }
    const [a, b, c, d] = [ours, answered, theirs, limits].map(median)
    console.log(`${String(connections).padStart(11)} × ${String(batch).padEnd(5)} | ${rate(a).padStart(7)} | ${rate(b).padStart(8)} | ` +
      `${rate(c).padStart(6)} | ${rate(d).padStart(5)} | ${(a / c).toFixed(2).padStart(7)} | ${(a / d).toFixed(2).padStart(7)}`)
  }
  redis.stop()
}

async function socket() {
  const [connections, depth, total] = [50, 16, 40000]
  const redis = await startRedis()
  const ours = [], theirs = []
  for (let round = 0; round < 3; round++) {
    const server = await startServer()
    ours.push((await judged(server, 'S' + round, connections, 1, total, 'ws', depth))[0])
    await server.stop()
    theirs.push(total / await load('redis', redis.port, '-', 'S' + round, connections, 1, total, depth))
  }
  const [a, b] = [ours, theirs].map(median)
  console.log(`\nSingle records over ${connections} websockets, ${depth} in flight: ${rate(a)}/s; Redis pipelined ${rate(b)}/s; ÷ Redis ${(a / b).toFixed(2)}`)
  redis.stop()
}

/** All 38 subscribed to the type, as copies of the five. */
async function crowd() {
  const many = directory(), total = 200000
  for (let i = 1; i <= 38; i++)
    cpSync(join(ROOT, `tests/bench/scenarios/bench_${1 + i % 5}.lua`), join(many, `bench_${i}.lua`))
  const five = [], all = []
  for (let round = 0; round < 3; round++)
    for (const [scenarios, into] of [['tests/bench/scenarios', five], [many, all]]) {
      const server = await startServer(scenarios)
      into.push((await judged(server, 'C' + round, 4, 1000, total))[0])
      await server.stop()
    }
  const [a, b] = [five, all].map(median)
  console.log(`\n38 scenarios subscribed: ${rate(b)}/s; 5: ${rate(a)}/s; ratio ${(b / a).toFixed(2)}`)
}

async function pages() {
  const count = 9000, shapes = [[50, 1, 20000], [4, 1000, 200000]]
  const server = await startServer()
  const measure = async (name) => {
    const rates = []
    for (const [c, b, n] of shapes) rates.push((await judged(server, name + b, c, b, n))[0])
    return rates
  }
  await measure('warm')
  const before = await measure('before'), empty = rss(server.child.pid)
  const sockets = []
  while (sockets.length < count)
    sockets.push(...await Promise.all(Array.from({ length: 100 }, async () => {
      const one = await openSocket(server.port, { cookie: server.cookie })
      await one.request({ type: 'hello' })
      return one
    })))
  const kib = (rss(server.child.pid) - empty) / count
  const during = await measure('during')
  sockets.forEach((one) => one.close())
  await sleep(2000)
  const after = await measure('after')
  const ratios = shapes.map(([c, b], i) => `${c} × ${b}: ${(during[i] * 2 / (before[i] + after[i])).toFixed(2)}`)
  console.log(`\nIntake with ${count} idle pages against none: ${ratios.join(', ')}; ${kib.toFixed(1)} KiB a page`)
  await server.stop()
}

async function start() {
  const street = makeStreet(), total = 1000000
  const server = await startServer(undefined, street)
  await judged(server, 'M', 4, 1000, total)
  await server.stop()
  const times = []
  for (let round = 0; round < 3; round++) {
    const began = performance.now()
    const again = await startServer(undefined, street)
    times.push(performance.now() - began)
    await again.stop()
  }
  console.log(`\nStart with 1 M records until ready and signed in: ${median(times).toFixed(0)} ms`)
}

async function latency() {
  const server = await startServer()
  const socket = await openSocket(server.port, { cookie: server.cookie })
  await socket.request({ type: 'hello' })
  await socket.request({ type: 'subscribe', stream: 'alerts' })
  const sent = new Map(), frames = [], answers = []
  socket.onEvent((message) => {
    const at = sent.get(message.event?.data?.key)
    if (at !== undefined) frames.push(performance.now() - at)
  })
  let serial = 0
  const post = (lines) => new Promise((done) => {
    const body = lines.join('\n')
    const began = performance.now()
    const client = connect(server.port, '127.0.0.1', () => client.write(`POST /api/v1/records/visit HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n` +
      `Authorization: Bearer ${server.key}\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`))
    client.once('data', () => answers.push(performance.now() - began))
    client.on('close', done)
    client.on('error', done)
  })
  const seconds = 10, perPost = 20, everyMs = 10
  const began = performance.now()
  const waiting = []
  for (let i = 0; i < seconds * 1000 / everyMs; i++) {
    const lines = Array.from({ length: perPost }, () => {
      const id = `T${++serial}`
      const trouble = serial % 100 === 0
      if (trouble) sent.set(id, performance.now())
      return JSON.stringify({ visit_id: id, subject_type: 'enterprise', subject_id: 'E' + serial % 3000, visited_at: '2020-07-01T09:00:00+08:00',
        visitor_id: 'staff', result: trouble ? 'trouble' : 'ok', note: 'asked about orders, staff and rent; nothing else to report' })
    })
    waiting.push(post(lines))
    const next = began + (i + 1) * everyMs
    await sleep(Math.max(0, next - performance.now()))
  }
  await Promise.all(waiting)
  await until('all alerts on the socket', 10000, () => frames.length >= sent.size)
  const at = (list, p) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))].toFixed(1)
  console.log(`\nPOST to websocket frame at ${perPost * 1000 / everyMs} records/s, ${frames.length} alerts, ms`)
  console.log(`answer p50 ${at(answers, 0.5)} p99 ${at(answers, 0.99)} | frame p50 ${at(frames, 0.5)} p99 ${at(frames, 0.99)}`)
  socket.close()
  await server.stop()
}

async function reload() {
  const scenarios = directory()
  cpSync(join(ROOT, 'tests/bench/scenarios'), scenarios, { recursive: true })
  const server = await startServer(scenarios)
  const redis = await startRedis()
  const file = join(scenarios, 'bench_1.lua'), text = readFileSync(file, 'utf8')
  const ours = [], theirs = []
  const socket = await openSocket(server.port, { cookie: server.cookie })
  await socket.request({ type: 'hello' })
  await socket.request({ type: 'subscribe', stream: 'alerts' })
  for (let i = 0; i < 20; i++) {
    writeFileSync(file, text.replace('走访发现困难"', `走访发现困难 ${i}"`))
    const seen = new Promise((done) => socket.onEvent((message) => message.event?.data?.title?.endsWith(` ${i}`) && done()))
    const began = performance.now()
    const answer = await fetch(server.url + '/api/v1/reload', { method: 'POST', headers: { cookie: server.cookie, 'x-wangyi': '1', 'content-type': 'application/json' }, body: '{}' })
    if (!answer.ok) throw new Error(await answer.text())
    await fetch(server.url + '/api/v1/records/visit', { method: 'POST', headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/x-ndjson' },
      body: JSON.stringify({ visit_id: 'X' + i, visited_at: '2020-07-01T09:00:00+08:00', result: 'trouble', note: 'x' }) })
    await seen
    ours.push(performance.now() - began)
    const start = performance.now()
    await new Promise((done) => {
      const client = connect(redis.port, '127.0.0.1', () => {
        client.write(`*4\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$7\r\nREPLACE\r\n$${redis.library.length}\r\n${redis.library}\r\n`)
        client.once('data', () => { client.end(); done() })
      })
    })
    theirs.push(performance.now() - start)
  }
  console.log(`\nReload of one script (check, examples, journal, sync), command to an alert of the new version: ${median(ours).toFixed(1)} ms; ` +
    `Redis FUNCTION LOAD REPLACE (no check, no examples): ${median(theirs).toFixed(1)} ms`)
  socket.close()
  redis.stop()
  await server.stop()
}

function rss(pid) {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n').find((one) => one.startsWith('VmRSS'))
  return Number(line.match(/\d+/)[0])
}

async function memory() {
  const server = await startServer('scenarios')
  await sleep(1000)
  const engine = Number(run('pgrep', ['-P', String(server.child.pid), '-f', 'engine --']).split('\n')[0])
  const before = rss(server.child.pid)
  const sockets = []
  for (let i = 0; i < 150; i++) {
    const socket = await openSocket(server.port, { cookie: server.cookie })
    await socket.request({ type: 'hello' })
    await socket.request({ type: 'subscribe', stream: 'alerts' })
    sockets.push(socket)
  }
  const perSocket = (rss(server.child.pid) - before) / sockets.length
  console.log(`\nMemory idle, real scenarios: server ${(before / 1024).toFixed(1)} MiB, engine ${(rss(engine) / 1024).toFixed(1)} MiB; ${perSocket.toFixed(1)} KiB a websocket`)
  sockets.forEach((socket) => socket.close())
  await server.stop()
}

/** A street with a million stored records, judged live; made once for the two parts that need it. */
let stored
async function storedStreet() {
  if (stored) return stored
  const total = Number(process.env.RECORDS || 1000000)
  const server = await startServer()
  await load('http', server.port, server.key, 'S', 4, 1000, total)
  await until('cursors', 300000, async () => (await server.behind()) === 0)
  stored = { server, total }
  return stored
}
const PERIOD = ['--from', '2020-01-01', '--until', '2099-12-31']

/** One backtest in its own process: seconds, greatest resident set in MiB, the result. */
async function oneBacktest(data, measure = true) {
  const began = performance.now()
  const child = spawn(BINARY, ['backtest', 'bench_1', ...PERIOD, '--data', data, '--json', '--examples', '3'], { cwd: ROOT })
  let out = '', most = 0, engine = 0
  child.stdout.on('data', (text) => { out += text })
  const look = measure && setInterval(() => {
    try {
      engine ||= Number(spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' }).stdout.split('\n')[0])
      const text = readFileSync(`/proc/${engine}/status`, 'utf8')
      const kib = (name) => Number((text.match(new RegExp(name + ':\\s+(\\d+)')) || [0, 0])[1])
      most = Math.max(most, kib('RssAnon'))
    } catch { /* not there yet, or gone */ }
  }, 100)
  await new Promise((done) => child.once('close', done))
  clearInterval(look)
  return { seconds: (performance.now() - began) / 1000, mib: most / 1024, result: JSON.parse(out) }
}

async function backtest() {
  const { server, total } = await storedStreet()
  console.log(`\nBacktest of ${total} stored records, one rule (goal: 1 M in 30 s; a third of it)`)
  const same = await oneBacktest(server.data)
  const { entries, totals } = same.result
  console.log(`live version again: ${same.seconds.toFixed(1)} s, ${rate(entries / same.seconds)} entries/s, own memory ${same.mib.toFixed(0)} MiB; ` +
    `${totals.same} same, ${totals.gained + totals.lost + totals.moved} differ`)
  const slow = []
  for (const busy of [false, true, false, true]) {
    let on = busy, turning = Promise.resolve()
    if (busy) turning = (async () => { while (on) await oneBacktest(server.data, false) })()
    const [judgedRate] = await judged(server, 'L' + slow.length, 4, 100, 60000)
    on = false
    await turning
    slow.push(judgedRate)
  }
  const [alone, beside] = [(slow[0] + slow[2]) / 2, (slow[1] + slow[3]) / 2]
  console.log(`live intake alone ${rate(alone)} records/s, beside backtests ${rate(beside)} (${((beside / alone - 1) * 100).toFixed(0)} %)`)
}

async function explain() {
  const { server, total } = await storedStreet()
  const took = []
  for (let i = 0; i < 60; i++) {
    const n = Math.floor(Math.random() * total)
    const about = `visit|S-${String(n).padStart(9, '0')}`
    const began = performance.now()
    const answer = await fetch(`${server.url}/api/v1/scenarios/bench_1/explain?about=${encodeURIComponent(about)}`, { headers: { cookie: server.cookie } })
    const body = await answer.json()
    took.push(performance.now() - began)
    if (!['fired', 'quiet'].includes(body.answer)) throw new Error(JSON.stringify(body))
  }
  took.sort((a, b) => a - b)
  console.log(`\nExplain one of ${total} stored records over HTTP (goal 300 ms; a third of it): ` +
    `median ${took[30].toFixed(0)} ms, p95 ${took[56].toFixed(0)} ms, most ${took[59].toFixed(0)} ms`)
}

// --- the real scenarios -------------------------------------------------------------------------------------

const MORNING = '2020-04-09T07:50:00+08:00'

/** A street with its past, loaded before the service has ever run; the scenarios then begin behind it. */
function makeHistory(size) {
  const street = makeStreet(STREAM_TYPES.join(','))
  let count = 0
  for (const [type, n, make] of history(size)) {
    const file = join(street.data, 'load.ndjson')
    writeFileSync(file, '')
    for (let i = 0; i < n; i += 10000)
      writeFileSync(file, Array.from({ length: Math.min(10000, n - i) }, (_, k) => JSON.stringify(make(i + k)) + '\n').join(''), { flag: 'a' })
    run(BINARY, ['ingest', type, file, '--data', street.data])
    rmSync(file)
    count += n
  }
  return { ...street, count }
}
const enginePid = (server) => Number(run('pgrep', ['-P', String(server.child.pid), '-f', 'engine --data']).split('\n')[0])
const mib = (pid) => (Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/RssAnon:\s+(\d+)/)[1]) / 1024).toFixed(0)

/** CPU seconds a process has used. */
const cpu = (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((a, b) => a + Number(b), 0) / 100

/** Send the stream over four connections; seconds until the last answer and until the cursors are there. */
async function pour(server, requests) {
  const began = performance.now(), left = requests.slice()
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let one; (one = left.shift());) {
      const answer = await fetch(`${server.url}/api/v1/records/${one[0]}`, { method: 'POST', body: one[1],
        headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/x-ndjson' } })
      const body = await answer.json()
      if (!answer.ok || body.rejected?.length) throw new Error(JSON.stringify(body).slice(0, 400))
    }
  }))
  const answered = (performance.now() - began) / 1000
  await until('cursors', 600000, async () => (await server.behind()) === 0, 25) // asking costs the server, too
  return [answered, (performance.now() - began) / 1000]
}

/** A working day's stream through the real scenarios, against the same stream through five rules of which
 * hardly any record concerns one. Goal: at least half; more than 0.7. */
async function all38() {
  const total = Number(process.env.RECORDS || 100000), size = { firms: 2000, residents: 7000, months: 24 }
  const requests = stream(total, 1000, size.firms)
  const rates = { five: [], all: [] }, used = {}
  let told = ''
  for (let round = 0; round < Number(process.env.ROUNDS || 3); round++)
    for (const [name, scenarios] of [['five', 'tests/bench/scenarios'], ['all', 'scenarios']]) {
      const server = await startServer(scenarios, makeHistory(size), ['--clock', MORNING])
      await until('cursors', 60000, async () => (await server.behind()) === 0)
      const pid = enginePid(server), before = [mib(server.child.pid), mib(pid)], worked = [cpu(server.child.pid), cpu(pid)]
      const [answered, seconds] = await pour(server, requests)
      rates[name].push(total / seconds)
      used[name] = [server.child.pid, pid].map((one, i) => ((cpu(one) - worked[i]) * 1e6 / total).toFixed(1))
      if (name === 'all') {
        const { items } = await (await fetch(server.url + '/api/v1/scenarios', { headers: { cookie: server.cookie } })).json()
        told = `${items.length} scenarios, answered ${rate(total / answered)}/s; MiB own memory before → after: ` +
          `server ${before[0]} → ${mib(server.child.pid)}, engine ${before[1]} → ${mib(pid)}`
      }
      await server.stop()
    }
  const [a, b] = [rates.five, rates.all].map(median)
  console.log(`\nMixed stream of ${total} records, until every cursor has caught up: real scenarios ${rate(b)}/s; five rules ${rate(a)}/s; ratio ${(b / a).toFixed(2)} (goal 0.5; 0.7)\n  ${told}\n` +
    `  CPU µs a record: server ${used.all[0]}, engine ${used.all[1]}; with five rules ${used.five[0]} and ${used.five[1]}`)
}

/** What each instant of the timetable takes on a whole street, and which scenarios take it. */
async function ticks() {
  const size = { firms: Number(process.env.FIRMS || 20000), residents: Number(process.env.RESIDENTS || 70000) }
  const street = makeHistory(size)
  const server = await startServer('scenarios', street, ['--clock', '2020-04-02T23:50:00+08:00'])
  await until('cursors', 60000, async () => (await server.behind()) === 0)
  const move = async (to) => {
    const began = performance.now()
    const answer = await fetch(server.url + '/api/v1/clock', { method: 'POST', body: JSON.stringify({ to }),
      headers: { cookie: server.cookie, 'x-wangyi': '1', 'content-type': 'application/json' } })
    if (!answer.ok) throw new Error(await answer.text())
    await until('cursors', 600000, async () => (await server.behind()) === 0)
    return performance.now() - began
  }
  const pid = enginePid(server), before = mib(pid)
  console.log(`\nTicks over ${street.count} records, ${size.firms} firms, ${size.residents} residents; wall ms of a move of the clock by a second over the instant, ` +
    'with it the judgements of one scenario that took 20 ms and more')
  const { items } = await (await fetch(server.url + '/api/v1/scenarios', { headers: { cookie: server.cookie } })).json()
  const days = ['2020-04-03', '2020-04-05', '2020-04-06', '2020-04-09', '2020-04-10', '2020-04-11', '2020-04-12', '2020-04-13']
  let text = ''
  server.onLog((more) => { text += more })
  for (const day of days)
    for (const time of day === '2020-04-10' ? ['06:55', '07:00', '07:30', '08:00', '17:30'] : ['08:00']) {
      const to = Date.parse(`${day}T${time}:00+08:00`)
      const iso = (ms) => new Date(ms + 8 * 3600e3).toISOString().slice(0, 19) + '+08:00'
      await move(iso(to - 1000))
      text = ''
      const ms = await move(iso(to))
      await sleep(200)
      const slow = [...text.matchAll(/judged (\S+) .*?ms=(\d+)/g)].map((m) => `${m[1]} ${m[2]}`)
      console.log(`${day} ${time} ${ms.toFixed(0).padStart(6)} ms | ${slow.join(', ')}`)
    }
  console.log(`${items.length} scenarios; engine's own memory ${before} → ${mib(pid)} MiB`)
  const stopped = (await (await fetch(server.url + '/api/v1/scenarios', { headers: { cookie: server.cookie } })).json()).items.filter((one) => one.state !== 'running')
  if (stopped.length) console.log('not running: ' + stopped.map((one) => one.id).join(' '))
  await server.stop()
}

/** Benches that are programs of their own print for themselves. */
function program(name, ...args) {
  return () => {
    console.log('')
    const result = spawnSync(join(BENCH, name), args, { cwd: ROOT, stdio: 'inherit' })
    if (result.status !== 0) console.log(`${name}: exit ${result.status}`)
  }
}

if (['intake', 'socket', 'reload'].some(wanted) && spawnSync('redis-server', ['--version']).error) {
  console.log('redis-server is missing: installing it for the comparison')
  const sudo = process.getuid() === 0 ? [] : ['sudo']
  run([...sudo, 'apt-get'][0], [...sudo, 'apt-get', 'install', '-q', '-y', '--no-install-recommends', 'redis-server'].slice(1))
}
try {
  const all = { intake, socket, crowd, pages, start, latency, reload, memory, backtest, explain, fanout: program('bench_fanout'), store: program('bench_store'), records: program('bench_records'), all38, ticks }
  for (const [name, part] of Object.entries(all)) if (wanted(name)) await part()
} finally {
  for (const one of clean.reverse()) one()
}
