// The same socket behind TLS: there the bytes go through the library, so what matters is tried again.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { change, probeFolder } from './lib/probe.mjs'
import { sleep, startStreet } from './lib/server.mjs'
import { openSocket, rawSocket } from './lib/ws.mjs'

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0' // the certificate is made here
process.removeAllListeners('warning')

let street
let key
let serial = 0

before(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'wangyi-tls-'))
  const tls = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') }
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-keyout', tls.key, '-out', tls.cert])
  assert.equal(made.status, 0, String(made.stderr))
  street = await startStreet({
    people: ['admin', 'office'],
    scenarios: await probeFolder(),
    args: ['--alert-limit', '0'],
    tls
  })
  key = await street.key('ent_change')
})
after(() => street.close())

async function raise(count) {
  const ids = Array.from({ length: count }, () => `L${String(++serial).padStart(5, '0')}`)
  const answer = await street.send(key, 'ent_change', ids.map((id) => change(id)))
  assert.equal(answer.body.accepted, count, answer.text)
  return ids
}

async function listen(from = {}) {
  const cookie = await street.signIn('office')
  const socket = await openSocket(street.port, { cookie, tls: true })
  const seen = []
  socket.onEvent((one) => seen.push(one))
  return { socket, seen, answer: await socket.request({ type: 'subscribe', stream: 'alerts', ...from }) }
}

async function waitFor(what, within = 30000) {
  const end = Date.now() + within
  while (!what()) {
    assert.ok(Date.now() < end, 'waited too long')
    await sleep(10)
  }
}

test('the cookie is bound to the host and a plain origin is refused', async () => {
  const cookie = await street.signIn('office')
  assert.match(cookie, /^__Host-wangyi_session=/)
  const plain = await rawSocket(street.port, { cookie, tls: true, origin: `http://127.0.0.1:${street.port}` })
  assert.notEqual(plain.status, 101)
})

test('events, slices of missed ones and the drop of a slow client work over TLS', async () => {
  const healthy = await listen()
  const slow = await listen()
  slow.socket.pause()
  const ids = []
  for (let i = 0; i < 25; i++) {
    ids.push(...(await raise(120)))
    await waitFor(() => healthy.seen.length === ids.length)
  }
  assert.deepEqual(healthy.seen.map((one) => one.event.data.key), ids)
  slow.socket.resume()
  assert.equal(await slow.socket.closed, 4429)
  const last = slow.seen.at(-1) ?? slow.answer
  const again = await listen({ epoch: last.epoch, offset: last.offset })
  await waitFor(() => again.seen.length === ids.length - slow.seen.length)
  assert.deepEqual([...slow.seen, ...again.seen].map((one) => one.event.data.key), ids)
  assert.equal((await again.socket.request({ type: 'ping' })).type, 'ok')
  await again.socket.close()
  await healthy.socket.close()
})

test('a stopping server says 1001 over TLS too', async () => {
  const one = await listen()
  await street.restart()
  assert.ok([1001, 0].includes(await one.socket.closed))
})
