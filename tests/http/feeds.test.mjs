// Foreign formats: pushes as cameras, Alertmanager and CloudEvents senders make them, and messages that mean harm.
import assert from 'node:assert/strict'
import { execSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BINARY, ROOT, sleep, startStreet } from './lib/server.mjs'

let street, key, other, admin
before(async () => {
  street = await startStreet({ people: ['admin', 'office', 'community'] })
  key = await street.key('camera_event', 'device_alarm', 'system_alert', 'sensor_reading')
  other = await street.key('ent_income')
  admin = await street.signIn('admin')
})
after(() => street.close())

const post = (feed, body, { type = 'application/xml', auth = `Bearer ${key}`, headers = {} } = {}) =>
  fetch(`${street.url}/api/v1/feeds/${feed}`, { method: 'POST', body,
    headers: { ...(auth && { Authorization: auth }), ...(type && { 'Content-Type': type }), ...headers } })
    .then(async (r) => ({ status: r.status, headers: r.headers, body: await r.json() }))
const records = async (type) => (await street.ask('GET', `/api/v1/records/${type}?limit=50`, { cookie: admin })).body.items
const alarm = ({ kind = 'parking', state = 'active', at = '2020-02-29T08:30:00+08:00', from = '<ipAddress>192.168.1.64</ipAddress><channelID>1</channelID>', more = '' } = {}) =>
  `<?xml version="1.0" encoding="UTF-8"?><EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">${from}<dateTime>${at}</dateTime><eventType>${kind}</eventType><eventState>${state}</eventState>${more}</EventNotificationAlert>`
const tally = ({ accepted, unchanged, repeated, ignored, rejected_count }) => [accepted, unchanged, repeated, ignored, rejected_count]
const JPEG = Buffer.concat([Buffer.from('ffd8ffe000104a46494600', 'hex'), Buffer.alloc(3000, 7)])

test('a camera event by Bearer and again by Basic is one record', async () => {
  const first = await post('hikvision', alarm())
  assert.equal(first.status, 200)
  assert.deepEqual(tally(first.body), [1, 0, 0, 0, 0])
  const basic = 'Basic ' + Buffer.from(`admin:${key}`).toString('base64')
  assert.deepEqual(tally((await post('hikvision', alarm(), { auth: basic, type: 'text/xml; charset="UTF-8"' })).body), [0, 1, 0, 0, 0])
  const [event] = (await records('camera_event')).filter((one) => one.occurred_at === '2020-02-29T08:30:00+08:00')
  assert.deepEqual([event.camera_id, event.event_type, event.phase], ['C001', 'parking_motor', 'start'])
})

test('heartbeats pass, what is unknown is refused in words', async () => {
  assert.deepEqual(tally((await post('hikvision', alarm({ kind: 'videoloss', state: 'inactive' }))).body), [0, 0, 0, 1, 0])
  const unknown = await post('hikvision', alarm({ kind: 'diskfull' }))
  assert.equal(unknown.status, 200)
  assert.equal(unknown.body.rejected[0].field, 'event_type')
  assert.match(unknown.body.rejected[0].message, /diskfull.*hikvision\.lua/)
  const camera = await post('hikvision', alarm({ from: '<ipAddress>10.9.9.9</ipAddress>' }))
  assert.match(camera.body.rejected[0].message, /10\.9\.9\.9/)
})

test('who may send: the key, for its types, and nobody else', async () => {
  const none = await post('hikvision', alarm(), { auth: '' })
  assert.equal(none.status, 401)
  assert.match(none.headers.get('www-authenticate'), /Basic/)
  for (const auth of ['Bearer wy_x', 'Basic !!!', 'Basic ' + Buffer.from('a:b').toString('base64'), 'Digest username="a"',
    'Basic ' + Buffer.from(key).toString('base64')])
    assert.equal((await post('hikvision', alarm(), { auth })).status, 401, auth)
  const wrong = await post('hikvision', alarm({ at: '2020-02-29T09:00:00+08:00' }), { auth: `Bearer ${other}` })
  assert.deepEqual(tally(wrong.body), [0, 0, 0, 0, 1])
  assert.equal(wrong.body.rejected[0].field, 'type')
  /* Basic is for devices at this door only */
  const basic = 'Basic ' + Buffer.from(`x:${other}`).toString('base64')
  const elsewhere = await fetch(street.url + '/api/v1/records/ent_income', { method: 'POST', body: '{}',
    headers: { Authorization: basic, 'Content-Type': 'application/json' } })
  assert.equal(elsewhere.status, 401)
  assert.equal((await post('no_such_feed', alarm())).status, 404)
  assert.equal((await post('..%2Fhost%2Fshape', alarm())).status, 404)
})

test('multipart: the picture is kept by its hash, for those who may see camera events', async () => {
  const form = new FormData()
  form.append('alarm', new Blob([alarm({ at: '2020-02-29T08:31:00+08:00' })], { type: 'application/xml' }), 'alarm.xml')
  form.append('picture', new Blob([JPEG], { type: 'image/jpeg' }), 'detectionPicture.jpg')
  const sent = await post('hikvision', form, { type: '' })
  assert.deepEqual(tally(sent.body), [1, 0, 0, 0, 0], JSON.stringify(sent.body))
  const hash = createHash('sha256').update(JPEG).digest('hex')
  const event = (await records('camera_event')).find((one) => one.image_ref)
  assert.equal(event.image_ref, hash)
  assert.deepEqual(await readFile(join(street.data, 'pictures', hash.slice(0, 2), hash)), JPEG)
  assert.deepEqual((await readdir(join(street.data, 'pictures'))).filter((one) => one.startsWith('.')), [])
  const community = await street.signIn('community')
  const seen = await fetch(`${street.url}/api/v1/pictures/${hash}`, { headers: { Cookie: community } })
  assert.deepEqual([seen.status, seen.headers.get('content-type'), seen.headers.get('x-content-type-options')],
    [200, 'image/jpeg', 'nosniff'])
  assert.deepEqual(Buffer.from(await seen.arrayBuffer()), JPEG)
  assert.equal((await fetch(`${street.url}/api/v1/pictures/${hash}`)).status, 401)
  assert.notEqual((await fetch(`${street.url}/api/v1/pictures/${hash}`, { headers: { Authorization: `Bearer ${key}` } })).status, 200)
  for (const bad of ['0'.repeat(64), '..%2f..%2fvault', hash.toUpperCase(), hash.slice(1)])
    assert.equal((await fetch(`${street.url}/api/v1/pictures/${bad}`, { headers: { Cookie: admin } })).status, 404, bad)
})

test('multipart that is not what it says changes nothing', async () => {
  const xml = alarm({ at: '2020-02-29T08:32:00+08:00' })
  const part = (head, body) => `--b\r\n${head}\r\n\r\n${body}\r\n`
  const whole = part('Content-Type: application/xml', xml)
  const type = 'multipart/form-data; boundary=b'
  const cases = {
    'cut off': [whole, type],
    'cut in the middle': [whole.slice(0, -40), type],
    'no boundary': [whole + '--b--', 'multipart/form-data'],
    'two messages': [whole + whole + '--b--\r\n', type],
    'a picture that is none': [whole + part('Content-Type: image/jpeg', '<script>') + '--b--', type],
    'nothing to read': [part('Content-Type: image/jpeg', '\xff\xd8\xff') + '--b--', type],
    'base64': [part('Content-Type: application/xml\r\nContent-Transfer-Encoding: base64', btoa(xml)) + '--b--', type]
  }
  for (const [name, [body, contentType]] of Object.entries(cases)) {
    const answer = await post('hikvision', body, { type: contentType })
    assert.ok(answer.status === 400 || answer.status === 415, `${name}: ${answer.status}`)
  }
  assert.ok(!(await records('camera_event')).some((one) => one.occurred_at === '2020-02-29T08:32:00+08:00'))
  assert.deepEqual(tally((await post('hikvision', whole + '--b--', { type })).body), [1, 0, 0, 0, 0])
})

test('hostile XML is refused at once, and the next message is read', async () => {
  const laughs = '<!DOCTYPE x [<!ENTITY a "ha">' +
    [...'bcdefghij'].map((c, i) => `<!ENTITY ${c} "${`&${'abcdefghi'[i]};`.repeat(10)}">`).join('') + ']>'
  const cases = {
    'billion laughs': laughs + '<EventNotificationAlert>&j;</EventNotificationAlert>',
    'outside entity': '<!DOCTYPE x SYSTEM "http://127.0.0.1/x"><EventNotificationAlert/>',
    'file entity': '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><EventNotificationAlert>&f;</EventNotificationAlert>',
    depth: '<a>'.repeat(5000) + '</a>'.repeat(5000),
    width: '<EventNotificationAlert>' + '<a/>'.repeat(50000) + '</EventNotificationAlert>',
    attributes: `<EventNotificationAlert ${Array.from({ length: 500 }, (_, i) => `a${i}=""`).join(' ')}/>`,
    cut: alarm().slice(0, 200),
    empty: '',
    junk: '\0\0\0',
    'two roots': '<a/><b/>',
    encoding: '<?xml version="1.0" encoding="EBCDIC-CP-US"?><a/>',
    large: `<EventNotificationAlert><x>${'y'.repeat(2 << 20)}</x></EventNotificationAlert>`
  }
  for (const [name, body] of Object.entries(cases)) {
    const began = Date.now()
    const answer = await post('hikvision', body)
    assert.ok(answer.status === 400 || answer.status === 413, `${name}: ${answer.status} ${JSON.stringify(answer.body)}`)
    assert.ok(Date.now() - began < 5000, name)
  }
  assert.deepEqual(tally((await post('hikvision', alarm({ at: '2020-02-29T08:33:00+08:00' }))).body), [1, 0, 0, 0, 0])
  assert.equal((await post('hikvision', alarm(), { type: 'application/octet-stream' })).status, 415)
  const huge = await post('hikvision', Buffer.alloc((8 << 20) + 1, 32))
  assert.equal(huge.status, 413)
})

test('Alertmanager: firing, then resolved, is one record with its end', async () => {
  const webhook = (status, endsAt) => JSON.stringify({ version: '4', status, alerts: [{ status, fingerprint: 'f1',
    labels: { alertname: 'DiskFull', severity: 'critical' }, annotations: { summary: '磁盘将满' },
    startsAt: '2020-02-29T00:00:00Z', endsAt }] })
  const type = 'application/json'
  assert.deepEqual(tally((await post('alertmanager', webhook('firing', '0001-01-01T00:00:00Z'), { type })).body), [1, 0, 0, 0, 0])
  assert.deepEqual(tally((await post('alertmanager', webhook('firing', '0001-01-01T00:00:00Z'), { type })).body), [0, 1, 0, 0, 0])
  assert.deepEqual(tally((await post('alertmanager', webhook('resolved', '2020-02-29T00:10:00Z'), { type })).body), [1, 0, 0, 0, 0])
  const all = await records('system_alert')
  assert.equal(all.length, 1)
  assert.equal(all[0].severity, 'critical')
  assert.ok(all[0].restored_at)
  assert.equal((await post('alertmanager', '{"version":"3"}', { type })).status, 400)
})

test('CloudEvents: three modes, and the first of source + id stays', async () => {
  const event = (id, alarm_type = 'smoke') => ({ specversion: '1.0', id, source: '/iot', type: 'cn.wangyi.device_alarm',
    subject: 'D1', time: '2020-02-29T08:00:00+08:00', data: { alarm_type } })
  const structured = 'application/cloudevents+json; charset=utf-8'
  assert.deepEqual(tally((await post('cloudevents', JSON.stringify(event('1')), { type: structured })).body), [1, 0, 0, 0, 0])
  assert.deepEqual(tally((await post('cloudevents', JSON.stringify(event('1', 'gas')), { type: structured })).body), [0, 0, 1, 0, 0])
  const batch = await post('cloudevents', JSON.stringify([event('1'), event('2'), event('2', 'gas'), { ...event('3'), type: 'x' }]),
    { type: 'application/cloudevents-batch+json' })
  assert.deepEqual(tally(batch.body), [1, 0, 2, 0, 1])
  assert.equal(batch.body.rejected[0].line, 4)
  const binary = await post('cloudevents', '{"metric":"noise_db","value":71.5}', { type: 'application/json', headers: {
    'ce-specversion': '1.0', 'ce-id': '9', 'ce-source': '/iot%20hub', 'ce-type': 'cn.wangyi.sensor_reading',
    'ce-time': '2020-02-29T08:00:00Z', 'ce-subject': 'D7' } })
  assert.deepEqual(tally(binary.body), [1, 0, 0, 0, 0])
  assert.deepEqual((await records('device_alarm')).map((one) => [one.alarm_id, one.alarm_type]).sort(),
    [['ce-/iot-1', 'smoke'], ['ce-/iot-2', 'smoke']])
})

test('generic JSON, record by record; one update an hour tells that the data are fresh', async () => {
  const sent = await post('device_platform', JSON.stringify({ data: { readings: [
    { deviceCode: 'N01', item: 'noise', ts: 1582934400000, reading: { value: 71.5 } },
    { deviceCode: 'N01', item: 'nonsense', ts: 1582934400000, reading: { value: 1 } },
    { deviceCode: 'N02', item: 'depth', ts: '2020-02-29 08:00:00', reading: { value: 'deep' } }] } }), { type: 'application/json' })
  assert.deepEqual(tally(sent.body), [1, 0, 0, 0, 2])
  assert.deepEqual(sent.body.rejected.map((one) => [one.line, one.field]), [[2, 'metric'], [3, 'value']])
  const updates = (await records('dataset_update')).filter((one) => one.dataset_id === 'DS_camera_event')
  assert.equal(updates.length, 1)
})

test('how feeds are doing is told to staff and to Prometheus', async () => {
  const office = await street.signIn('office')
  const list = await street.ask('GET', '/api/v1/feeds', { cookie: office })
  const hikvision = list.body.items.find((one) => one.name === 'hikvision')
  assert.equal(hikvision.kind, 'push')
  assert.match(hikvision.last_refused, /^camera_id：探头没有登记|^type：|^event_type：/)
  assert.ok(hikvision.last_ok && hikvision.last_error && hikvision.counts.accepted >= 3 && hikvision.counts.failed >= 10)
  assert.equal((await street.ask('GET', '/api/v1/feeds', { key })).status, 403)
  const metrics = await (await fetch(street.url + '/metrics')).text()
  assert.match(metrics, /^wangyi_feed_accepted_total\{feed="hikvision"\} \d+$/m)
})

test('an Idempotency-Key answers the same', async () => {
  const headers = { 'Idempotency-Key': 'once-1' }
  const one = await post('hikvision', alarm({ at: '2020-02-29T08:40:00+08:00' }), { headers })
  const two = await post('hikvision', alarm({ at: '2020-02-29T08:40:00+08:00' }), { headers })
  assert.deepEqual(one.body, two.body)
})

test('pictures are in backups, verified, and expire', async () => {
  const hash = createHash('sha256').update(JPEG).digest('hex')
  const file = (dir) => join(dir, 'pictures', hash.slice(0, 2), hash)
  const made = await street.ask('POST', '/api/v1/backup', { cookie: admin, json: {} })
  const dir = await mkdtemp(join(tmpdir(), 'wangyi-restored-'))
  const restored = spawnSync(BINARY, ['restore', made.body.dir, '--data', dir], { encoding: 'utf8' })
  assert.equal(restored.status, 0, restored.stderr)
  assert.deepEqual(await readFile(file(dir)), JPEG)
  const verify = () => spawnSync(BINARY, ['verify', '--data', dir, '--json'], { encoding: 'utf8' })
  assert.equal(JSON.parse(verify().stdout).pictures, 1)
  await rm(file(dir))
  await writeFile(file(dir), 'x')
  assert.equal(verify().status, 1)
  await rm(dir, { recursive: true })

  const old = Date.now() / 1000 - 91 * 86400
  await utimes(file(street.data), old, old)
  await street.restart()
  admin = await street.signIn('admin')
  const look = () => fetch(`${street.url}/api/v1/pictures/${hash}`, { headers: { Cookie: admin } })
  for (const end = Date.now() + 10000; (await look()).status !== 404 && Date.now() < end;) await sleep(100)
  assert.equal((await look()).status, 404)
})

test('what was acknowledged before kill -9 is there, picture and all', async () => {
  const sent = []
  let n = 0, on = true
  const send = async () => {
    while (on) {
      const i = n++, bytes = Buffer.concat([JPEG, Buffer.from(String(i))])
      const at = `2020-02-29T12:${String(i / 60 | 0).padStart(2, '0')}:${String(i % 60).padStart(2, '0')}+08:00`
      const form = new FormData()
      form.append('alarm', new Blob([alarm({ at, kind: 'group' })], { type: 'application/xml' }), 'alarm.xml')
      form.append('picture', new Blob([bytes], { type: 'image/jpeg' }), 'p.jpg')
      const answer = await post('hikvision', form, { type: '' }).catch(() => null)
      if (answer?.status === 200) sent.push({ at, hash: createHash('sha256').update(bytes).digest('hex') })
    }
  }
  const senders = [send(), send(), send()]
  while (sent.length < 40) await sleep(10)
  const killed = street.stop('SIGKILL')
  on = false
  await Promise.all([killed, ...senders])
  await street.start()
  admin = await street.signIn('admin')
  assert.ok(sent.length >= 40)
  for (const { at, hash } of sent) {
    const key = encodeURIComponent(`hik-C001-crowd-${at}-active-`)
    const one = await street.ask('GET', `/api/v1/records/camera_event/${key}`, { cookie: admin })
    assert.equal(one.body.image_ref, hash, at)
    const seen = await fetch(`${street.url}/api/v1/pictures/${hash}`, { headers: { Cookie: admin } })
    assert.equal(createHash('sha256').update(Buffer.from(await seen.arrayBuffer())).digest('hex'), hash)
  }
})

test('a file with a fault leaves the one before in service, and says why; the next process has it too', async () => {
  const scripts = await mkdtemp(join(tmpdir(), 'wangyi-scripts-'))
  await cp(join(ROOT, 'scripts'), scripts, { recursive: true })
  const mine = await startStreet({ people: ['admin'], args: ['--scripts', scripts] })
  try {
    const cookie = await mine.signIn('admin'), token = await mine.key('camera_event')
    const path = join(scripts, 'feeds', 'hikvision.lua'), text = await readFile(path, 'utf8')
    let refused
    const put = async (content) => {
      await writeFile(path, content)
      const reloaded = await mine.ask('POST', '/api/v1/reload', { cookie, json: {} })
      assert.equal(reloaded.status, 200)
      refused = reloaded.body.refused.map((one) => one.id)
      return (await mine.ask('GET', '/api/v1/feeds', { cookie })).body.items.find((one) => one.name === 'hikvision')
    }
    const send = (at) => mine.ask('POST', '/api/v1/feeds/hikvision', { key: token, body: alarm({ at }),
      headers: { 'Content-Type': 'application/xml' } })
    for (const [content, why] of [[text.replace('local feed', 'locl feed'), /hikvision\.lua:/],
      [text.replace('"start"', '"begin"'), /phase|例子/], ['return {}', /缺少/], ['while true do end', /./]]) {
      const state = await put(content)
      assert.match(state.problem, why)
      assert.deepEqual(refused, ['feeds/hikvision'])
      assert.equal(state.title, '海康威视报警')
      assert.equal((await send('2020-02-29T10:00:00+08:00')).status, 200)
    }
    assert.equal((await put(text.replace('海康威视报警', '新名字'))).title, '新名字')

    /* the process is killed: the next message starts another */
    const pid = execSync(`pgrep -P ${mine.pid} -f 'engine feed'`, { encoding: 'utf8' }).trim()
    process.kill(Number(pid), 'SIGKILL')
    await sleep(100)
    const answers = [await send('2020-02-29T11:00:00+08:00'), await send('2020-02-29T11:01:00+08:00')]
    assert.deepEqual(answers.map((one) => one.status), [200, 200])
  } finally {
    await mine.close()
    await rm(scripts, { recursive: true })
  }
})
