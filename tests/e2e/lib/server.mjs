// Starts the real server on a free loopback port with a data folder of its own, and prepares
// people and keys with the same binary, as an administrator would.
import { spawn, spawnSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const BINARY = resolve(ROOT, process.env.WANGYI || 'build/wangyi')
const READY_WITHIN_MS = 60000

function freePort() {
  return new Promise((done, fail) => {
    const probe = createServer()
    probe.on('error', fail)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => done(port))
    })
  })
}

function wangyi(args, input = '') {
  const run = spawnSync(BINARY, args, { cwd: ROOT, input, encoding: 'utf8', timeout: 30000 })
  if (run.error) throw run.error
  if (run.status !== 0)
    throw new Error(`wangyi ${args.join(' ')}: exit ${run.status}\n${run.stderr}`)
  return run.stdout
}

/** The scenarios the journeys speak of: a street with all of them tries every example at its first start. */
async function enterpriseScenarios(data) {
  const folder = join(data, 'scenarios')
  const all = await readdir(join(ROOT, 'scenarios'))
  for (const name of all.filter((one) => /^(ent_|building_)/.test(one)))
    await cp(join(ROOT, 'scenarios', name), join(folder, name))
  return folder
}

const ended = (child) =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((done) => child.once('exit', done))

/** A street: a data folder, and at most one server on it at a time. */
export async function newStreet(logPath) {
  const data = await mkdtemp(join(tmpdir(), 'wangyi-e2e-'))
  const scenarios = await enterpriseScenarios(data)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child = null
  let options = []

  function addUser(name, { role, office, communities = [], password }) {
    const args = ['user', 'add', name, '--role', role, '--data', data, '--password-stdin']
    if (office) args.push('--office', office)
    for (const one of communities) args.push('--community', one)
    wangyi(args, password + '\n')
  }

  /** → the machine key, whatever else is printed beside it. */
  function addKey(...types) {
    const out = wangyi(['key', 'add', '--types', types.join(','), '--data', data, '--json'])
    return JSON.parse(out).key
  }

  async function waitReady() {
    const until = Date.now() + READY_WITHIN_MS
    while (Date.now() < until) {
      if (child.exitCode !== null)
        throw new Error(`server ended with ${child.exitCode}, see ${logPath}`)
      const answer = await fetch(url + '/-/ready').catch(() => null)
      if (answer?.ok) return
      await new Promise((done) => setTimeout(done, 50))
    }
    throw new Error(`server not ready within ${READY_WITHIN_MS} ms, see ${logPath}`)
  }

  async function start(...more) {
    if (more.length) options = more
    const args = ['serve', '--data', data, '--listen', `127.0.0.1:${port}`, '--scenarios', scenarios, ...options]
    child = spawn(BINARY, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    const log = createWriteStream(logPath, { flags: 'a' })
    child.stdout.pipe(log)
    child.stderr.pipe(log)
    await waitReady()
  }

  async function kill() {
    child.kill('SIGKILL')
    await ended(child)
  }

  async function close() {
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 5000)
      await ended(child)
      clearTimeout(late)
    }
    await rm(data, { recursive: true, force: true })
  }

  /** Records of one type, as a department's machine sends them. Fails if one was refused. */
  async function send(key, type, records) {
    const answer = await fetch(`${url}/api/v1/records/${type}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/x-ndjson' },
      body: records.map((one) => JSON.stringify(one)).join('\n') + '\n'
    })
    const body = await answer.json()
    if (!answer.ok || body.rejected?.length) {
      throw new Error(`POST records/${type}: ${answer.status} ${JSON.stringify(body)}`)
    }
    return body
  }

  async function moveClock(name, password, to) {
    const headers = { 'Content-Type': 'application/json', 'X-Wangyi': '1' }
    const session = await fetch(url + '/api/v1/session', {
      method: 'POST',
      headers,
      body: JSON.stringify({ name, password })
    })
    if (!session.ok) throw new Error(`POST session: ${session.status} ${await session.text()}`)
    const cookie = session.headers.get('set-cookie').split(';')[0]
    const moved = await fetch(url + '/api/v1/clock', {
      method: 'POST',
      headers: { ...headers, Cookie: cookie },
      body: JSON.stringify({ to })
    })
    if (!moved.ok) throw new Error(`POST clock: ${moved.status} ${await moved.text()}`)
  }

  return { url, data, addUser, addKey, start, kill, close, send, moveClock }
}
