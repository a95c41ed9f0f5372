// Signing in and out, locks against guessing, what a session outlives and what ends it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PASSWORD, startStreet } from './lib/server.mjs'

let street
before(async () => {
  street = await startStreet({ people: ['admin', 'leader', 'office', 'editor', 'community'] })
})
after(() => street.close())

const signIn = (name, password, headers = {}) =>
  street.ask('POST', '/api/v1/session', { body: { name, password }, headers })
const me = (cookie) => street.ask('GET', '/api/v1/me', { cookie })

test('a person signs in, is known by the cookie, and signs out', async () => {
  const answer = await signIn('office', PASSWORD)
  assert.equal(answer.status, 200)
  assert.equal(answer.body.user.name, 'office')
  const set = answer.headers.get('set-cookie')
  assert.match(set, /^wangyi_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
  const cookie = set.split(';')[0]
  const who = await me(cookie)
  assert.equal(who.status, 200)
  assert.deepEqual(
    { name: who.body.name, role: who.body.role, office: who.body.office, street: who.body.street.name, held: who.body.clock.held },
    { name: 'office', role: 'office', office: 'regional_dev', street: '小河街道', held: true })
  assert.match(who.body.clock.now, /^\d{4}-\d\d-\d\dT[\d:.]+\+08:00$/)
  const out = await street.ask('DELETE', '/api/v1/session', { cookie })
  assert.equal(out.status, 204)
  assert.match(out.headers.get('set-cookie'), /^wangyi_session=;.*Max-Age=0/)
  assert.equal((await me(cookie)).status, 401)
})

test('each sign-in has a token of its own, and one sign-out ends one session', async () => {
  const [a, b] = [await street.signIn('leader'), await street.signIn('leader')]
  assert.notEqual(a, b)
  await street.ask('DELETE', '/api/v1/session', { cookie: a })
  assert.equal((await me(a)).status, 401)
  assert.equal((await me(b)).status, 200)
})

test('a token that the server did not make is nobody', async () => {
  for (const cookie of ['wangyi_session=' + 'A'.repeat(43), 'wangyi_session=', 'wangyi_session=x', 'other=1'])
    assert.equal((await me(cookie)).status, 401, cookie)
  const good = await street.signIn('leader')
  assert.equal((await me(`${good}; ${good}`)).status, 401, 'two of them')
  assert.equal((await me(`theme=dark; ${good}; x=y`)).status, 200)
})

test('sessions survive a restart and a kill of the server', async () => {
  const cookie = await street.signIn('editor')
  await street.restart()
  assert.equal((await me(cookie)).status, 200)
  await street.restart('SIGKILL')
  assert.equal((await me(cookie)).status, 200)
})

test('a signed-out session stays ended over a kill', async () => {
  const cookie = await street.signIn('editor')
  await street.ask('DELETE', '/api/v1/session', { cookie })
  await new Promise((done) => setTimeout(done, 300))
  await street.restart('SIGKILL')
  assert.equal((await me(cookie)).status, 401)
})

test('a changing request with a cookie needs X-Wangyi and no foreign Origin', async () => {
  const cookie = await street.signIn('admin')
  const post = (headers) =>
    street.ask('POST', '/api/v1/keys', { cookie, headers, body: { types: ['enterprise'] } })
  assert.equal((await post({ 'X-Wangyi': '' })).status, 403)
  assert.equal((await post({ 'X-Wangyi': '0' })).status, 403)
  for (const origin of ['null', 'http://evil.example', street.url + '.evil.example',
    street.url.replace('http', 'https'), street.url + '0', 'http://127.0.0.1'])
    assert.equal((await post({ Origin: origin })).status, 403, origin)
  assert.equal((await post({ Origin: street.url })).status, 201)
  assert.equal((await signIn('office', PASSWORD, { Origin: 'http://evil.example' })).status, 403)
})

test('bad requests to sign in are told what is wrong', async () => {
  const cases = [
    [{}, 400], [{ name: 'admin' }, 400], [{ name: '', password: 'x' }, 400], [{ name: 5, password: 'x' }, 400],
    [{ name: 'a\u0000b', password: 'x' }, 400], [[], 400], ['{', 400], ['', 400]
  ]
  for (const [body, status] of cases) {
    const answer = await street.ask('POST', '/api/v1/session', { body, headers: { 'Content-Type': 'application/json' } })
    assert.equal(answer.status, status, JSON.stringify(body))
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    assert.ok(answer.body.detail)
  }
  const form = await street.ask('POST', '/api/v1/session', {
    body: 'name=admin&password=x', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })
  assert.equal(form.status, 415)
  const long = await street.ask('POST', '/api/v1/session', { body: { name: 'admin', password: 'x'.repeat(5000) } })
  assert.equal(long.status, 413)
})

test('wrong password and unknown name get the same answer in the same time', async () => {
  const times = { known: [], unknown: [] }
  const answers = new Set()
  for (let i = 0; i < 4; i++) {
    for (const [kind, name] of [['known', 'community'], ['unknown', `nobody${i}`]]) {
      const began = performance.now()
      const answer = await signIn(name, 'not this one ' + i)
      times[kind].push(performance.now() - began)
      assert.equal(answer.status, 401)
      answers.add(answer.text)
    }
  }
  assert.equal(answers.size, 1)
  const least = (list) => Math.min(...list)
  assert.ok(least(times.unknown) > 0.5 * least(times.known), JSON.stringify(times))
  assert.ok(least(times.known) > 0.5 * least(times.unknown), JSON.stringify(times))
})

test('five failures lock an account, known or not, also for the right password, also over a restart', async () => {
  for (const name of ['leader', 'nobody-at-all']) {
    for (let i = 0; i < 5; i++) assert.equal((await signIn(name, 'guess number ' + i)).status, 401)
    const locked = await signIn(name, PASSWORD)
    assert.equal(locked.status, 429)
    assert.equal(locked.body.code, 'locked')
    const wait = Number(locked.headers.get('retry-after'))
    assert.ok(wait > 500 && wait <= 600, String(wait))
  }
  assert.equal((await signIn('editor', PASSWORD)).status, 200, 'others are not locked')
  await street.restart('SIGKILL')
  assert.equal((await signIn('leader', PASSWORD)).status, 429)
})

test('guesses sent at once are not more than five', async () => {
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => signIn('community', 'parallel guess ' + i)))
  const tried = answers.filter((one) => one.status === 401).length
  assert.ok(tried <= 5, `${tried} were tried`)
  assert.ok(answers.every((one) => [401, 429].includes(one.status)))
})
