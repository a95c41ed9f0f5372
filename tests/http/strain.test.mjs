// What a server must stand: descriptors that run out, clients that do not read, a stop in the middle of work,
// and TLS where it is asked for.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { PASSWORD, descriptors, sleep, startStreet } from './lib/server.mjs'

let web
before(async () => {
  web = await mkdtemp(join(tmpdir(), 'wangyi-web-'))
  await mkdir(join(web, 'staff/assets'), { recursive: true })
  await writeFile(join(web, 'staff/index.html'), '<!doctype html>')
  await writeFile(join(web, 'staff/assets/big-1.bin'), randomBytes(12 << 20))
})
after(() => rm(web, { recursive: true }))

const hold = (port, count) => Promise.all(Array.from({ length: count }, () =>
  new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => done(socket))
    socket.on('error', () => done(socket))
  })))
const ticks = async (pid) => {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ')
  return Number(fields[11]) + Number(fields[12])
}
const memory = async (pid) => Number((await readFile(`/proc/${pid}/status`, 'utf8')).match(/VmRSS:\s+(\d+)/)[1])

test('one address has as many places as serve was told, and one that leaves makes room', async (t) => {
  const street = await startStreet({ args: ['--per-address', '5'] })
  t.after(() => street.close())
  const gone = (crowd) => crowd.filter((one) => one.readableEnded || one.destroyed).length
  const crowd = await hold(street.port, 8)
  for (const one of crowd) one.resume()
  for (let i = 0; i < 50 && gone(crowd) < 3; i++) await sleep(20)
  assert.ok(gone(crowd) >= 3, 'those too many are closed')
  for (const one of crowd) one.destroy()
  await sleep(100)
  const { status } = await street.ask('GET', '/-/healthy')
  assert.equal(status, 200)
})

test('with descriptors used up it neither spins nor floods its log, and recovers by itself', async (t) => {
  const street = await startStreet()
  t.after(() => street.close())
  const limited = spawnSync('prlimit', ['--pid', String(street.pid), '--nofile=90:90'])
  assert.equal(limited.status, 0, String(limited.stderr))
  const kept = connect(street.port, '127.0.0.1')
  await sleep(100)
  const logged = street.log.join('').split('\n').length
  const crowd = await hold(street.port, 180)
  await sleep(500)
  const [busy, began] = [await ticks(street.pid), Date.now()]
  await sleep(2000)
  const share = ((await ticks(street.pid)) - busy) / ((Date.now() - began) / 10)
  assert.ok(share < 0.2, `used ${Math.round(share * 100)} % of a processor`)
  const open = await descriptors(street.pid)
  assert.ok(open <= 95, `${open} descriptors`)
  const lines = street.log.join('').split('\n').length - logged
  assert.ok(lines < 60, `${lines} lines of log`)
  let said = ''
  kept.on('data', (piece) => (said += piece))
  kept.write('GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n')
  await sleep(500)
  assert.match(said, /^HTTP\/1\.1 200/, 'who was connected before is served')
  for (const one of crowd) one.destroy()
  kept.destroy()
  await sleep(1500)
  assert.ok(await street.alive(), 'not alive again')
})

test('clients that do not read are let go and hold no memory', async (t) => {
  const street = await startStreet({ web })
  t.after(() => street.close())
  await fetch(street.url + '/assets/big-1.bin').then((one) => one.arrayBuffer())
  const before = await memory(street.pid)
  const lazy = await hold(street.port, 60)
  const closed = lazy.map((one) => new Promise((done) => one.on('close', done)))
  for (const one of lazy) {
    one.pause()
    one.write('GET /assets/big-1.bin HTTP/1.1\r\nHost: a\r\n\r\n')
  }
  await sleep(3000)
  assert.ok(await street.alive())
  const grown = (await memory(street.pid)) - before
  assert.ok(grown < 60 * 256, `grew by ${grown} KiB`)
  const base = await descriptors(street.pid)
  await sleep(10000)
  assert.ok((await descriptors(street.pid)) < base - 50, 'they are gone on the server\'s side')
  for (const one of lazy) one.destroy()
  await Promise.all(closed)
})

test('a stop finishes what was begun and takes nothing new', async (t) => {
  const street = await startStreet()
  t.after(() => street.close())
  const key = await street.key('ent_income')
  const body = Array.from({ length: 8000 }, (_, i) => JSON.stringify({ ent_id: 'S' + i, month: '2020-01', income_cny: i }) + '\n').join('')
  const half = body.length >> 1
  let said = ''
  const socket = connect(street.port, '127.0.0.1')
  socket.on('data', (piece) => (said += piece))
  socket.write(`POST /api/v1/records/ent_income HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n` +
    `Content-Type: application/x-ndjson\r\nContent-Length: ${body.length}\r\n\r\n` + body.slice(0, half))
  await sleep(200)
  const stopped = street.stop()
  await sleep(600)
  await assert.rejects(fetch(street.url + '/-/healthy'))
  socket.write(body.slice(half))
  assert.equal(await stopped, 0)
  assert.match(said, /"accepted":8000/)
})

test('with a certificate cookies are bound to the host, and HTTP/2 is not spoken', async (t) => {
  const cert = join(web, 'cert.pem')
  const keyFile = join(web, 'key.pem')
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-keyout', keyFile, '-out', cert, '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'])
  assert.equal(made.status, 0, String(made.stderr))
  const ca = await readFile(cert)
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0' // startStreet asks by fetch, which cannot be told of a CA
  const street = await startStreet({ tls: { cert, key: keyFile }, web })
  t.after(() => street.close())
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = before ?? '1'
  const ask = (method, path, headers, body) => new Promise((done, fail) => {
    const asked = httpsRequest({ host: '127.0.0.1', port: street.port, ca, method, path, headers }, (answer) => {
      let size = 0
      answer.on('data', (piece) => (size += piece.length))
      answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, size }))
    })
    asked.on('error', fail)
    asked.end(body)
  })
  const body = JSON.stringify({ name: 'admin', password: PASSWORD })
  const signed = await ask('POST', '/api/v1/session', { 'Content-Type': 'application/json', 'Content-Length': body.length }, body)
  assert.equal(signed.status, 200)
  const set = signed.headers['set-cookie'][0]
  assert.match(set, /^__Host-wangyi_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/)
  assert.match(signed.headers['strict-transport-security'], /max-age/)
  const cookie = set.split(';')[0]
  assert.equal((await ask('GET', '/api/v1/me', { Cookie: cookie })).status, 200)
  assert.equal((await ask('GET', '/api/v1/me', { Cookie: cookie.replace('__Host-', '') })).status, 401)
  assert.equal((await ask('GET', '/assets/big-1.bin', {})).size, 12 << 20)
  const protocol = await new Promise((done, fail) => {
    const socket = tlsConnect({ host: '127.0.0.1', port: street.port, ca, ALPNProtocols: ['h2', 'http/1.1'] },
      () => done(socket.alpnProtocol) || socket.destroy())
    socket.on('error', fail)
  })
  assert.equal(protocol, 'http/1.1')
  const old = await new Promise((done) => {
    const socket = tlsConnect({ host: '127.0.0.1', port: street.port, ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }, () => done('spoken'))
    socket.on('error', () => done('refused'))
  })
  assert.equal(old, 'refused')
  const plain = await street.raw('GET / HTTP/1.1\r\nHost: a\r\n\r\n', { quiet: 1000 })
  assert.doesNotMatch(plain.text, /200 OK/)
})
