// Records in and out: three formats, refusals line by line, whole lists, repeats, who may see what.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { sleep, startStreet } from './lib/server.mjs'

let street, key, admin, office, community, safety
before(async () => {
  street = await startStreet({ people: ['admin', 'office', 'safety', 'community', 'leader'] })
  key = await street.key('ent_income', 'enterprise', 'ent_change', 'benefit_payment', 'identity')
  admin = await street.signIn('admin')
  office = await street.signIn('office')
  safety = await street.signIn('safety')
  community = await street.signIn('community')
})
after(() => street.close())

const post = (type, body, contentType, { query = '', headers = {}, ...who } = { key }) =>
  street.ask('POST', `/api/v1/records/${type}${query}`, {
    ...(who.cookie || who.key ? who : { key }), body, headers: { 'Content-Type': contentType, ...headers } })
const get = (path, cookie = admin) => street.ask('GET', `/api/v1/records/${path}`, { cookie })
const income = (ent_id, month, income_cny) => ({ ent_id, month, income_cny })

test('one record by NDJSON, JSON object, JSON array and CSV is the same record', async () => {
  const first = await post('ent_income', JSON.stringify(income('F1', '2020-01', 5.5)) + '\n', 'application/x-ndjson')
  assert.equal(first.status, 200)
  assert.deepEqual([first.body.accepted, first.body.unchanged, first.body.rejected], [1, 0, []])
  assert.equal(first.body.first_seq, first.body.last_seq)
  const again = [
    [JSON.stringify(income('F1', '2020-01', 5.5)), 'application/x-ndjson; charset=utf-8'],
    [JSON.stringify(income('F1', '2020-01', 5.5)), 'application/json'],
    [JSON.stringify([income('F1', '2020-01', 5.5)]), 'application/json;charset=utf-8'],
    ['ent_id,month,income_cny\r\nF1,2020-01,5.5\r\n', 'text/csv; charset=utf-8'],
    ['\ufeff统一社会信用代码,所属月,营业收入\nF1,2020-01,5.5', 'text/csv']
  ]
  for (const [body, type] of again) {
    const answer = await post('ent_income', body, type)
    assert.equal(answer.status, 200, `${type}: ${answer.text}`)
    assert.deepEqual([answer.body.accepted, answer.body.unchanged], [0, 1], type)
  }
  const one = await get('ent_income/F1%7C2020-01')
  assert.equal(one.body.income_cny, 5.5)
  assert.equal(one.body._seq, first.body.first_seq)
})

test('bad lines are refused one by one with line, field and reason; good ones are kept', async () => {
  const answer = await post('ent_income', [
    JSON.stringify(income('G1', '2020-01', 1)),
    JSON.stringify(income('G2', '2020-13', 1)),
    'not json',
    JSON.stringify({ ...income('G3', '2020-01', 1), extra: 1 }),
    JSON.stringify({ month: '2020-01', income_cny: 1 }),
    '',
    JSON.stringify(income('G4', '2020-01', 'many')),
    JSON.stringify(income('G5', '2020-01', null))
  ].join('\n'), 'application/x-ndjson')
  assert.equal(answer.status, 200)
  assert.equal(answer.body.accepted, 2)
  assert.deepEqual(answer.body.rejected.map((one) => [one.line, one.field]),
    [[2, 'month'], [3, ''], [4, 'extra'], [5, 'ent_id'], [7, 'income_cny']])
  for (const one of answer.body.rejected) assert.match(one.message, /[\u4e00-\u9fff]/)
  assert.equal((await get('ent_income/G2%7C2020-13')).status, 404)
  assert.equal((await get('ent_income/G5%7C2020-01')).status, 200)
})

test('when every line is bad the answer is still 200 and nothing is written', async () => {
  const answer = await post('ent_income', 'x\ny\n', 'application/x-ndjson')
  assert.deepEqual([answer.status, answer.body.accepted, answer.body.rejected.length], [200, 0, 2])
  assert.equal(answer.body.first_seq, null)
  const empty = await post('ent_income', '', 'application/x-ndjson')
  assert.deepEqual([empty.status, empty.body.accepted], [200, 0])
})

test('an empty body with more bytes behind it is answered once, without spinning', async () => {
  const head = `POST /api/v1/records/ent_income HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n` +
    'Content-Type: application/x-ndjson\r\nContent-Length: 0\r\n\r\n'
  const said = await street.raw(head + 'GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(20), { quiet: 1500 })
  assert.deepEqual([...said.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((one) => one[1]), ['200'])
  assert.ok(said.closed)
})

test('a thousand refusals are shown, all are counted', async () => {
  const answer = await post('ent_income', 'bad\n'.repeat(2500) + JSON.stringify(income('H', '2020-01', 1)), 'application/x-ndjson')
  assert.deepEqual([answer.body.accepted, answer.body.rejected.length, answer.body.rejected_count], [1, 1000, 2500])
})

test('ten thousand lines are one request, one more is too many, and what came before stays', async () => {
  const lines = (n) => Array.from({ length: n }, (_, i) => JSON.stringify(income('T' + i, '2019-01', i)) + '\n').join('')
  const full = await post('ent_income', lines(10000), 'application/x-ndjson')
  assert.deepEqual([full.status, full.body.accepted], [200, 10000])
  const over = await post('ent_income', lines(10001), 'application/x-ndjson')
  assert.equal(over.status, 413)
  assert.match(over.body.detail, /10000/)
})

test('more than 8 MiB is refused before it is read', async () => {
  const answer = await post('ent_income', ' '.repeat((8 << 20) + 1), 'application/x-ndjson')
  assert.equal(answer.status, 413)
})

test('a text that breaks off says so; what stood before the break is kept', async () => {
  const answer = await post('ent_income', `[${JSON.stringify(income('B1', '2020-01', 1))},{"ent_id"`, 'application/json')
  assert.equal(answer.status, 400)
  assert.equal((await get('ent_income/B1%7C2020-01')).status, 200)
  assert.equal((await post('ent_income', 'ent_id,month\nB2,"2020', 'text/csv')).status, 400)
})

test('formats that are none and types that are none are told', async () => {
  assert.equal((await post('ent_income', 'x', 'application/xml')).status, 415)
  assert.equal((await post('ent_income', 'x', 'text/plain')).status, 415)
  assert.equal((await post('ent_income', '[]', 'Application/JSON; Charset=UTF-8')).status, 200)
  assert.equal((await post('ent_income', '[]', 'application/json; charset=gbk')).status, 415)
  const packed = await post('ent_income', gzipSync('[]'), 'application/json', { key, headers: { 'Content-Encoding': 'gzip' } })
  assert.equal(packed.status, 415)
  assert.match(packed.body.detail, /Content-Encoding/)
  assert.equal((await post('nothing_such', '{}', 'application/json')).status, 404)
  assert.equal((await post('ent_income', '{}', 'application/json', { key, query: '?mode=some' })).status, 400)
  assert.equal((await post('ent_income', '{}', 'application/json', { key, query: '?batch=' + 'b'.repeat(32) })).status, 400)
})

test('a key sends its types only, and sees no records', async () => {
  assert.equal((await post('tax_month', '{}', 'application/json')).status, 403)
  assert.equal((await street.ask('GET', '/api/v1/records/ent_income', { key })).status, 403)
  const self = await street.ask('GET', '/api/v1/me', { key })
  assert.deepEqual([self.status, self.body.role], [200, 'machine'])
  const wrong = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')
  for (const bad of [wrong, 'wy_', 'x', key + '0', key.toUpperCase()])
    assert.equal((await street.ask('POST', '/api/v1/records/ent_income', { key: bad, body: {} })).status, 401)
  const basic = await street.ask('GET', '/api/v1/me', { headers: { Authorization: 'Basic YTpi' } })
  assert.equal(basic.status, 401)
})

test('an office sends what is its own; a community sends nothing', async () => {
  const one = JSON.stringify(income('O1', '2020-01', 1))
  assert.equal((await post('ent_income', one, 'application/json', { cookie: office })).status, 200)
  assert.equal((await post('ent_income', one, 'application/json', { cookie: safety })).status, 403)
  assert.equal((await post('ent_income', one, 'application/json', { cookie: community })).status, 403)
})

test('what is restricted is not there for those who may not see it', async () => {
  const record = { person_key: 'P1', benefit_id: 'b', month: '2020-01', amount_cny: 100 }
  assert.equal((await post('benefit_payment', JSON.stringify(record), 'application/json')).body.accepted, 1)
  const path = 'benefit_payment/P1%7Cb%7C2020-01'
  for (const cookie of [office, safety, community]) {
    for (const one of [path, 'benefit_payment', path + '/history', 'benefit_payment?person_key=P1']) {
      const answer = await get(one, cookie)
      assert.equal(answer.status, 404, one)
      assert.equal(answer.text, (await get(one.replace('benefit_payment', 'benefit_paymenx'), cookie)).text.replaceAll('benefit_paymenx', 'benefit_payment'))
    }
    assert.equal((await post('benefit_payment', JSON.stringify(record), 'application/json', { cookie })).status,
      cookie === community ? 403 : 404)
  }
  assert.equal((await get(path, admin)).status, 200)
  assert.equal((await get(path, await street.signIn('leader'))).status, 200)
})

test('private fields are masked, and nothing is found by them', async () => {
  const person = { person_key: 'P9', name: '张三丰', phone: '13812348000', address: '小河路 9 号', id_no: '330105199001011234' }
  const sent = await post('identity', JSON.stringify(person), 'application/json')
  assert.equal(sent.body.accepted, 1, sent.text)
  const one = await get('identity/P9')
  assert.equal(one.status, 200)
  for (const value of [person.name, person.phone, person.id_no, '小河路'])
    assert.doesNotMatch(one.text, new RegExp(value))
  assert.equal((await get('identity?phone=13812348000')).status, 400)
  assert.doesNotMatch((await get('identity/P9/history')).text, /13812348000/)
})

test('many persons are taken in piece by piece, and a break among them is told', async () => {
  const person = (i) => JSON.stringify({ person_key: `M${i}`, name: `张${i}`, phone: `139${String(i).padStart(8, '0')}` }) + '\n'
  const all = Array.from({ length: 6000 }, (_, i) => person(i)).join('')
  const sent = await post('identity', all, 'application/x-ndjson')
  assert.deepEqual([sent.status, sent.body.accepted], [200, 6000], sent.text)
  const again = await post('identity', all, 'application/x-ndjson')
  assert.deepEqual([again.body.accepted, again.body.unchanged], [0, 6000])
  const broken = await post('identity', `[${person(1)},${person(7000)},{`, 'application/json')
  assert.equal(broken.status, 400)
  assert.equal((await get('identity/M7000')).status, 200)
  const empty = await post('identity', '', 'application/x-ndjson')
  assert.deepEqual([empty.status, empty.body.accepted], [200, 0])
})

test('lists go by equal fields, in pages of at most fifty, with a link to the next', async () => {
  await street.send(key, 'enterprise', Array.from({ length: 60 }, (_, i) => ({
    ent_id: `L${String(i).padStart(3, '0')}`, snapshot_month: '2020-02', name: `企业 ${i}`,
    op_subdistrict: i % 2 ? '330105003' : '330105004' })))
  const all = []
  let path = '/api/v1/records/enterprise?snapshot_month=2020-02&limit=500'
  for (let pages = 0; path; pages++) {
    const page = await street.ask('GET', path, { cookie: admin })
    assert.equal(page.status, 200)
    assert.ok(page.body.items.length <= 50 && pages < 5)
    all.push(...page.body.items)
    const link = page.headers.get('link')
    assert.equal(Boolean(link), Boolean(page.body.next))
    path = link && link.match(/^<([^>]+)>; rel="next"$/)[1]
  }
  assert.deepEqual(all.map((one) => one.ent_id), Array.from({ length: 60 }, (_, i) => `L${String(i).padStart(3, '0')}`))
  const here = await get('enterprise?op_subdistrict=330105003&limit=50')
  assert.equal(here.body.items.length, 30)
  assert.ok(here.body.items.every((one) => one.op_subdistrict === '330105003'))
  const named = await get('enterprise?name=' + encodeURIComponent('企业 7'))
  assert.deepEqual(named.body.items.map((one) => one.ent_id), ['L007'])
  for (const bad of ['enterprise?no_such=1', 'enterprise?limit=0', 'enterprise?limit=x', 'enterprise?name=%ff'])
    assert.equal((await get(bad)).status, 400, bad)
  assert.equal((await get('enterprise?name=a%26op_subdistrict%3Db')).body.items.length, 0)
})

test('a record keeps its versions, newest first', async () => {
  for (const value of [1, 2, 2, 3])
    await post('ent_income', JSON.stringify(income('V1', '2020-01', value)), 'application/json')
  const history = await get('ent_income/V1%7C2020-01/history')
  assert.deepEqual(history.body.items.map((one) => [one.op, one.record.income_cny]), [['put', 3], ['put', 2], ['put', 1]])
  const page = await get('ent_income/V1%7C2020-01/history?limit=2')
  assert.equal(page.body.items.length, 2)
  const rest = await get(`ent_income/V1%7C2020-01/history?limit=2&after=${page.body.next}`)
  assert.deepEqual(rest.body.items.map((one) => one.record.income_cny), [1])
  assert.equal((await get('ent_income/V2%7C2020-01/history')).status, 404)
})

test('a whole list withdraws what is missing in its scope, in one part or in several', async () => {
  const list = (names, month = '2018-05') => names.map((name) => JSON.stringify(income(name, month, 1)) + '\n').join('')
  const send = (body, query) => post('ent_income', body, 'application/x-ndjson', { key, query })
  await send(list(['W1', 'W2', 'W3']), '?mode=full&scope=2018-05')
  await send(list(['W1'], '2018-06'), '')
  const less = await send(list(['W1', 'W3']), '?mode=full&scope=2018-05')
  assert.deepEqual([less.body.accepted, less.body.unchanged, less.body.withdrawn], [0, 2, 1])
  assert.equal((await get('ent_income/W2%7C2018-05')).status, 404)
  assert.deepEqual((await get('ent_income/W2%7C2018-05/history')).body.items.map((one) => one.op), ['withdraw', 'put'])
  assert.equal((await get('ent_income/W1%7C2018-06')).status, 200)
  const one = await send(list(['W1']), '?mode=full&scope=2018-05&batch=b7')
  assert.equal(one.body.withdrawn, 0)
  const two = await send(list(['W4']), '?mode=full&scope=2018-05&batch=b7&last=1')
  assert.deepEqual([two.body.accepted, two.body.withdrawn], [1, 1])
  assert.equal((await get('ent_income/W3%7C2018-05')).status, 404)
  assert.equal((await get('ent_income/W1%7C2018-05')).status, 200)
})

test('the same Idempotency-Key gets the same answer and makes no second batch', async () => {
  const send = (value, id) => post('ent_income', JSON.stringify(income('I1', '2020-01', value)), 'application/json',
    { key, headers: { 'Idempotency-Key': id } })
  const first = await send(1, 'records-1')
  await send(2, 'records-2')
  const again = await send(1, 'records-1')
  assert.equal(again.text, first.text)
  assert.equal(again.headers.get('idempotency-replayed'), 'true')
  assert.equal((await get('ent_income/I1%7C2020-01')).body.income_cny, 2)
  await street.restart('SIGKILL')
  assert.equal((await send(1, 'records-1')).text, first.text)
  assert.equal((await send(1, 'with space')).status, 400)
})

test('an Idempotency-Key with other lines, even as many bytes of them, is refused and nothing is written', async () => {
  const send = (value) => post('ent_income', JSON.stringify(income('I2', '2020-01', value)), 'application/json',
    { key, headers: { 'Idempotency-Key': 'records-3' } })
  assert.equal((await send(1)).status, 200)
  const other = await send(2)
  assert.deepEqual([other.status, other.body.code], [422, 'idempotency_key'])
  assert.equal((await get('ent_income/I2%7C2020-01')).body.income_cny, 1)
})

test('keys with slashes, plus signs and Chinese letters are found again', async () => {
  for (const id of ['甲乙', 'a b', 'a+b', 'a%b', 'a&b=c']) {
    assert.equal((await post('ent_income', JSON.stringify(income(id, '2020-01', 1)), 'application/json')).body.accepted, 1)
    const one = await get(`ent_income/${encodeURIComponent(id + '|2020-01')}`)
    assert.equal(one.status, 200, id)
    assert.equal(one.body.ent_id, id)
  }
})

test('what is acknowledged is there after a kill', async () => {
  const answer = await street.send(key, 'ent_income', Array.from({ length: 3000 }, (_, i) => income('K' + i, '2017-01', i)))
  assert.equal(answer.body.accepted, 3000)
  await street.restart('SIGKILL')
  for (const i of [0, 1499, 2999]) assert.equal((await get(`ent_income/K${i}%7C2017-01`)).body.income_cny, i)
})

test('clients that leave in the middle of a body take nothing with them', async () => {
  const { connect } = await import('node:net')
  for (let i = 0; i < 20; i++) {
    const socket = connect(street.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(`POST /api/v1/records/ent_income HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n` +
      'Content-Type: application/x-ndjson\r\nContent-Length: 800000\r\n\r\n')
    socket.write(Array.from({ length: 1500 + i * 100 }, (_, n) => JSON.stringify(income(`C${i}-${n}`, '2016-01', n)) + '\n').join(''))
    await sleep(5 + i)
    socket.destroy()
  }
  await sleep(300)
  assert.ok(await street.alive())
})
