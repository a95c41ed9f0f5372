// What becomes of accounts and machine keys: changes, and what they end at once.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { change as changeOf } from './lib/probe.mjs'
import { PASSWORD, sleep, startStreet } from './lib/server.mjs'
import { openSocket } from './lib/ws.mjs'

let street, root
before(async () => {
  street = await startStreet({ people: ['admin'] })
  root = await street.signIn('admin')
})
after(() => street.close())

const admin = (method, path, more = {}) => street.ask(method, path, { cookie: root, ...more })
const at = (name) => '/api/v1/users/' + encodeURIComponent(name)
const patch = (name, body, headers) => admin('PATCH', at(name), { body, headers })
async function add(name, more) {
  const body = { name, display: name, role: 'office', office: 'safety', password: PASSWORD, ...more }
  const answer = await admin('POST', '/api/v1/users', { body })
  assert.equal(answer.status, 201, answer.text)
  return answer.body
}
const me = async (cookie) => (await street.ask('GET', '/api/v1/me', { cookie })).status
const signInStatus = async (name, password) =>
  (await street.ask('POST', '/api/v1/session', { body: { name, password } })).status
/** A person with a session and a socket; gone() is the socket's close code. */
async function enter(name, password = PASSWORD) {
  const cookie = await street.signIn(name, password)
  const socket = await openSocket(street.port, { cookie })
  await socket.request({ type: 'subscribe', stream: 'alerts' })
  const late = () => sleep(2000).then(() => 'still open')
  return { cookie, socket, gone: () => Promise.race([socket.closed, late()]) }
}

test('whose role, office, community, password or state changes is signed out everywhere at once', async () => {
  const cases = [{ office: 'party_gov' }, { role: 'editor' }, { role: 'community', office: null, community: 'xiaohe' },
    { communities: ['dahulu'] }, { disabled: true }]
  await add('换岗')
  for (const body of cases) {
    const [one, two] = [await enter('换岗'), await enter('换岗')]
    const answer = await patch('换岗', body)
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual([await me(one.cookie), await me(two.cookie)], [401, 401], JSON.stringify(body))
    assert.deepEqual([await one.gone(), await two.gone()], [4401, 4401], JSON.stringify(body))
  }
  assert.equal(await signInStatus('换岗', PASSWORD), 401)
  assert.equal((await patch('换岗', { disabled: false })).status, 200)
  assert.equal(await signInStatus('换岗', PASSWORD), 200)
})

test('a new password is the only one, ends the sessions of the old one, and lifts the lock', async () => {
  await add('forgetful')
  const before = await enter('forgetful')
  for (let i = 0; i < 5; i++) assert.equal(await signInStatus('forgetful', 'a wrong guess'), 401)
  assert.equal(await signInStatus('forgetful', PASSWORD), 429)
  const answer = await patch('forgetful', { password: 'quite another word' })
  assert.equal(answer.status, 200, answer.text)
  assert.doesNotMatch(answer.text, /another word|argon2/)
  assert.deepEqual([await before.gone(), await me(before.cookie)], [4401, 401])
  assert.equal(await signInStatus('forgetful', PASSWORD), 401)
  assert.equal(await signInStatus('forgetful', 'quite another word'), 200)
  for (const password of ['short', 'forgetful', null, 5, ''])
    assert.equal((await patch('forgetful', { password })).status, 400, String(password))
  assert.equal(await signInStatus('forgetful', 'quite another word'), 200)
})

test('another display name, or nothing new, ends no session', async () => {
  await add('calm')
  const person = await enter('calm')
  const renamed = await patch('calm', { display: '安' })
  assert.equal(renamed.body.display, '安')
  assert.equal((await patch('calm', { office: 'safety', disabled: false })).body.rev, renamed.body.rev)
  assert.equal(await me(person.cookie), 200)
  assert.equal((await person.socket.request({ type: 'hello' })).user.display, '安')
  await person.socket.close()
})

test('a session that was ended stays ended over a restart, and others live on', async () => {
  await add('ended')
  await add('lasting')
  const [ended, lasting] = [await street.signIn('ended'), await street.signIn('lasting')]
  assert.equal((await patch('ended', { communities: ['xiaohe'] })).status, 200)
  await street.restart()
  assert.deepEqual([await me(ended), await me(lasting)], [401, 200])
  assert.equal(await me(await street.signIn('ended')), 200)
})

test('If-Match and rev keep a change from overwriting another one', async () => {
  const { rev } = await add('edited')
  const read = await admin('GET', at('edited'))
  assert.deepEqual([read.headers.get('etag'), read.body.rev], [`"${rev}"`, rev])
  const first = await patch('edited', { display: '一' }, { 'If-Match': `"${rev}"` })
  assert.equal(first.status, 200)
  assert.equal(first.headers.get('etag'), `"${first.body.rev}"`)
  assert.equal((await patch('edited', { display: '二' }, { 'If-Match': `"${rev}"` })).status, 412)
  assert.equal((await patch('edited', { display: '二', rev })).status, 409)
  assert.equal((await patch('edited', { display: '二', rev: first.body.rev })).status, 200)
  assert.equal((await admin('GET', at('edited'))).body.display, '二')
})

test('the last active administrator can be neither disabled nor demoted', async () => {
  for (const body of [{ disabled: true }, { role: 'leader' }]) {
    const answer = await patch('admin', body)
    assert.equal(answer.status, 409, answer.text)
    assert.match(answer.body.detail, /最后一个/)
  }
  assert.equal(await me(root), 200)
  await add('second', { role: 'admin', office: undefined })
  assert.equal((await patch('second', { disabled: true })).status, 200)
  assert.equal((await patch('admin', { disabled: true })).status, 409, 'a disabled one does not count')
})

test('two administrators who disable each other at the same moment leave one', async () => {
  assert.equal((await patch('second', { disabled: false })).status, 200)
  const other = await street.signIn('second')
  const ask = (cookie, name) => street.ask('PATCH', at(name), { cookie, body: { disabled: true } })
  const both = await Promise.all([ask(root, 'second'), ask(other, 'admin')])
  const done = both.map((one) => one.status)
  assert.equal(done.filter((status) => status === 200).length, 1, String(done))
  const winner = done[0] === 200 ? root : other
  const enabled = await street.ask('PATCH', at(done[0] === 200 ? 'second' : 'admin'), {
    cookie: winner, body: { disabled: false } })
  assert.equal(enabled.status, 200)
  root = await street.signIn('admin')
})

test('changes that make no sense are refused and change nothing', async () => {
  const { rev } = await add('steady')
  const cases = [[{ role: 'king' }, 400], [{ role: 'machine' }, 400], [{ office: 'no_such' }, 400], [{ office: null }, 400],
    [{ role: 'community' }, 400], [{ communities: 'xiaohe' }, 400], [{ disabled: 'yes' }, 400], [{ name: 'other' }, 400],
    [{ since: 0 }, 400], [[], 400], [{ display: 'x'.repeat(40) }, 400]]
  for (const [body, status] of cases) {
    const answer = await patch('steady', body)
    assert.equal(answer.status, status, `${JSON.stringify(body)}: ${answer.text}`)
    assert.match(answer.body.detail, /[\u4e00-\u9fff]/)
  }
  assert.equal((await patch('no-one', { disabled: true })).status, 404)
  assert.equal((await admin('GET', at('steady'))).body.rev, rev)
})

test('a revoked key is refused from the next request, and its socket is closed', async () => {
  const [key, other] = [await street.key('ent_change'), await street.key('ent_change')]
  const device = await openSocket(street.port, { token: key })
  const spared = await openSocket(street.port, { token: other })
  assert.equal((await street.send(key, 'ent_change', [changeOf('K1')])).status, 200)
  const id = key.split('_')[1]
  const answer = await admin('DELETE', '/api/v1/keys/' + id)
  assert.deepEqual([answer.status, answer.text], [204, ''])
  assert.equal((await street.send(key, 'ent_change', [changeOf('K2')])).status, 401)
  assert.equal(await Promise.race([device.closed, sleep(2000)]), 4401)
  assert.equal((await street.send(other, 'ent_change', [changeOf('K3')])).status, 200)
  assert.equal((await spared.request({ type: 'ping' })).type, 'ok')
  await spared.close()
  const listed = (await admin('GET', '/api/v1/keys')).body.items.find((one) => one.id === id)
  assert.equal(listed.revoked, true)
  assert.equal((await admin('DELETE', '/api/v1/keys/' + id)).status, 204, 'again: nothing to do')
  assert.equal((await admin('DELETE', '/api/v1/keys/nosuchkey000')).status, 404)
})

test('an upload under way is not taken once its key is revoked', async () => {
  const key = await street.key('ent_change')
  const body = [changeOf('U1'), changeOf('U2')].map((one) => JSON.stringify(one) + '\n')
  const socket = connect(street.port, '127.0.0.1')
  let text = ''
  socket.on('data', (piece) => (text += piece))
  const over = new Promise((done) => socket.on('close', done))
  socket.write(`POST /api/v1/records/ent_change HTTP/1.1\r\nHost: 127.0.0.1:${street.port}\r\n` +
    `Authorization: Bearer ${key}\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n` +
    `Content-Length: ${Buffer.byteLength(body.join(''))}\r\n\r\n${body[0]}`)
  await sleep(200)
  assert.equal((await admin('DELETE', '/api/v1/keys/' + key.split('_')[1])).status, 204)
  socket.write(body[1])
  await over
  assert.match(text, /^HTTP\/1\.1 403 /)
  assert.match(text, /密钥已停用/)
  const { items } = (await admin('GET', '/api/v1/records/ent_change?ent_id=U1')).body
  assert.deepEqual(items.filter((one) => /^U[12]/.test(one.ent_id)), [])
})

test('nobody signed in is told that a Bearer key would do, and no browser is made to ask', async () => {
  for (const headers of [{}, { Authorization: 'Basic YTpi' }, { Authorization: 'Bearer wy_nothing_0' }]) {
    const answer = await street.ask('GET', '/api/v1/me', { headers })
    assert.deepEqual([answer.status, answer.headers.get('www-authenticate')], [401, 'Bearer realm="wangyi"'])
  }
  assert.equal((await admin('GET', '/api/v1/me')).headers.get('www-authenticate'), null)
})

test('an argument of the alert list that cannot be meant is refused with its name', async () => {
  for (const [query, pointer] of [['open=x', '/open'], ['open=', '/open'], ['limit=0', '/limit'], ['nonsense=1', '/nonsense']]) {
    const answer = await admin('GET', '/api/v1/alerts?' + query)
    assert.deepEqual([answer.status, answer.body.errors?.[0].pointer], [400, pointer], answer.text)
  }
  for (const query of ['open=1', 'open=true', 'open=0', 'open=false', ''])
    assert.equal((await admin('GET', '/api/v1/alerts?' + query)).status, 200, query)
})

test('a body that cannot be read names its line', async () => {
  const key = await street.key('ent_income')
  const send = async (type, body) => {
    const answer = await street.ask('POST', '/api/v1/records/ent_income', { key, body, headers: { 'Content-Type': type } })
    return [answer.status, answer.body.errors?.[0].line]
  }
  const head = 'ent_id,month,income_cny\n'
  assert.deepEqual(await send('text/csv', head + 'E1,2020-01,1\nE2,20"20-01,1\n'), [400, 3])
  assert.deepEqual(await send('text/csv', head + 'E1,2020-01,1\n"E2,2020-01,1\n'), [400, 3])
  assert.deepEqual(await send('text/csv', '\nwrong,month\nE1,2020-01\n'), [400, 2])
  assert.deepEqual(await send('application/json', '[{"ent_id":"E1","month":"2020-01","income_cny":1} nonsense'), [400, 1])
  const broken = await admin('POST', '/api/v1/users', { body: '{"name":"x",\n"role":\n}', headers: { 'Content-Type': 'application/json' } })
  assert.deepEqual([broken.status, broken.body.errors[0].line], [400, 3], broken.text)
})

test('a key with a part that could not be asked for is refused with line and field', async () => {
  const key = await street.key('ent_income')
  const answer = await street.send(key, 'ent_income', [
    { ent_id: 'E1', month: '2020-01', income_cny: 1 }, { ent_id: 'E|1', month: '2020-01', income_cny: 1 }])
  assert.deepEqual(answer.body.rejected.map(({ line, field }) => [line, field]), [[2, 'ent_id']])
  assert.match(answer.body.rejected[0].message, /\|/)
})

test('the document of the interface names the new routes and whom they are for', async () => {
  const { paths } = (await street.ask('GET', '/api/v1/openapi.json')).body
  for (const [path, method] of [['/api/v1/users/{name}', 'patch'], ['/api/v1/users/{name}', 'get'], ['/api/v1/keys/{id}', 'delete']])
    assert.deepEqual(paths[path][method]['x-roles'], ['admin'], `${method} ${path}`)
  assert.ok(paths['/api/v1/users/{name}'].patch.parameters.some((one) => one.name === 'If-Match'))
})
