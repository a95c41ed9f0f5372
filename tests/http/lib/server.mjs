// Starts the real binary on a free loopback port with a data folder of its own, and speaks to it: with fetch
// where fetch will do, and as raw bytes where a hostile client must be played.
import { spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
export const BINARY = resolve(ROOT, process.env.WANGYI || 'build/wangyi')
export const CLOCK = '2020-03-01T08:00:00+08:00'
export const PASSWORD = 'a long enough word'
const READY_WITHIN_MS = 60000 // the first start tries every example of every scenario

const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

function wangyi(args, input = '') {
  const run = spawnSync(BINARY, args, { cwd: ROOT, input, encoding: 'utf8', timeout: 60000 })
  if (run.error) throw run.error
  if (run.status !== 0) throw new Error(`wangyi ${args.join(' ')}: exit ${run.status}\n${run.stderr}`)
  return run.stdout
}

const PEOPLE = {
  admin: ['--role', 'admin'],
  leader: ['--role', 'leader'],
  office: ['--role', 'office', '--office', 'regional_dev'],
  safety: ['--role', 'office', '--office', 'safety'],
  editor: ['--role', 'editor', '--office', 'regional_dev'],
  community: ['--role', 'community', '--community', 'xiaohe']
}

/**
 * A street with a server on it. `people` are names of PEOPLE, `args` more options of serve; no scenarios
 * unless `scenarios` names a folder.
 */
export async function startStreet({ people = ['admin'], args = [], scenarios, clock = CLOCK, web, tls, env } = {}) {
  const data = await mkdtemp(join(tmpdir(), 'wangyi-http-'))
  const log = []
  await mkdir(join(data, 'no-scenarios'))
  for (const name of people)
    wangyi(['user', 'add', name, ...PEOPLE[name], '--data', data, '--password-stdin'], PASSWORD + '\n')
  const street = { data, log, people, restarts: 0 }
  let child

  street.start = async () => {
    const portFile = join(data, 'port')
    await rm(portFile, { force: true })
    const all = ['serve', '--data', data, '--listen', '127.0.0.1:0', '--port-file', portFile,
      '--scenarios', scenarios || join(data, 'no-scenarios')]
    if (clock) all.push('--clock', clock)
    if (web) all.push('--web', web)
    if (tls) all.push('--tls-cert', tls.cert, '--tls-key', tls.key)
    child = spawn(BINARY, [...all, ...args], {
      cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } })
    child.stderr.on('data', (piece) => log.push(String(piece)))
    const until = Date.now() + READY_WITHIN_MS
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`server ended with ${child.exitCode ?? child.signalCode}\n${log.join('')}`)
      street.port = Number(await readFile(portFile, 'utf8').catch(() => 0))
      street.url = `${tls ? 'https' : 'http'}://127.0.0.1:${street.port}`
      const answer = street.port ? await fetch(street.url + '/-/ready').catch(() => null) : null
      if (answer?.ok) break
      if (Date.now() > until) throw new Error(`server not ready\n${log.join('')}`)
      await sleep(30)
    }
    street.pid = child.pid
  }
  street.stop = async (signal = 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const ended = new Promise((done) => child.once('exit', (code) => done(code)))
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), 15000)
    const code = await ended
    clearTimeout(late)
    return code
  }
  street.restart = async (signal) => {
    await street.stop(signal)
    await street.start()
  }
  /** Stops it, checks that it ended well and that no sanitizer had a word to say. */
  street.close = async () => {
    const code = await street.stop()
    await rm(data, { recursive: true, force: true })
    const said = log.join('')
    if (/ERROR: AddressSanitizer|runtime error:|LeakSanitizer: detected/.test(said)) throw new Error(said)
    if (code !== 0) throw new Error(`server ended with ${code}\n${said}`)
  }

  /** → { status, headers, body } with body parsed if it is JSON. */
  street.ask = async (method, path, { body, headers = {}, cookie, key } = {}) => {
    const all = { ...headers }
    if (cookie) all.Cookie = cookie
    if (cookie && method !== 'GET') all['X-Wangyi'] ??= '1'
    if (key) all.Authorization = `Bearer ${key}`
    let content = body
    if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)) {
      all['Content-Type'] ??= 'application/json'
      content = JSON.stringify(body)
    }
    const answer = await fetch(street.url + path, { method, headers: all, body: content, redirect: 'manual' })
    const text = await answer.text()
    const json = /json/.test(answer.headers.get('content-type') || '')
    return { status: answer.status, headers: answer.headers, text, body: json ? JSON.parse(text) : text }
  }
  street.signIn = async (name, password = PASSWORD) => {
    const answer = await street.ask('POST', '/api/v1/session', { body: { name, password } })
    if (answer.status !== 200) throw new Error(`sign in of ${name}: ${answer.status} ${answer.text}`)
    return answer.headers.get('set-cookie').split(';')[0]
  }
  street.key = async (...types) => {
    const cookie = await street.signIn('admin')
    const answer = await street.ask('POST', '/api/v1/keys', { cookie, body: { types, label: 'test' } })
    if (answer.status !== 201) throw new Error(`key: ${answer.status} ${answer.text}`)
    return answer.body.key
  }
  street.send = (key, type, records, query = '') =>
    street.ask('POST', `/api/v1/records/${type}${query}`, {
      key,
      headers: { 'Content-Type': 'application/x-ndjson' },
      body: records.map((one) => JSON.stringify(one) + '\n').join('')
    })
  /**
   * Raw bytes; → { text, closed, ms }: everything the server said until it closed, or until `ms` of silence
   * have passed. `pieces` may hold numbers: milliseconds to wait.
   */
  street.raw = (pieces, { quiet = 400 } = {}) =>
    new Promise((done) => {
      const list = [pieces].flat()
      const socket = connect(street.port, '127.0.0.1')
      const began = Date.now()
      let text = ''
      let timer
      const finish = (closed) => {
        clearTimeout(timer)
        socket.destroy()
        done({ text, closed, ms: Date.now() - began })
      }
      const wait = () => {
        clearTimeout(timer)
        timer = setTimeout(() => finish(false), quiet)
      }
      socket.on('data', (piece) => {
        text += piece.toString('latin1')
        wait()
      })
      socket.on('close', () => finish(true))
      socket.on('error', () => finish(true))
      socket.on('connect', async () => {
        for (const one of list) {
          if (socket.destroyed) return
          if (typeof one === 'number') await sleep(one)
          else socket.write(one)
        }
        wait()
      })
    })
  street.alive = async () => {
    const answer = await fetch(street.url + '/-/healthy')
    return answer.ok && child.exitCode === null && child.signalCode === null
  }
  await street.start()
  return street
}

/** A file descriptor count, for tests that something is given back. */
export async function descriptors(pid) {
  const { readdir } = await import('node:fs/promises')
  return (await readdir(`/proc/${pid}/fd`)).length
}

export { httpRequest, sleep, wangyi }
