// What is fetched from a district hub: pages with a cursor, each once whatever happens in between; whom it trusts.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startHub } from '../hub/hub.mjs'
import { BINARY, ROOT, sleep, startStreet } from './lib/server.mjs'

const SECRET = 'the word between us'
const ended = []
after(async () => { for (const end of ended.reverse()) await end() })

const income = (n) => ({ type: 'ent_income', record: { ent_id: `HUB${String(n).padStart(4, '0')}`, month: '2020-01', income_cny: n } })
const setting = (url, more = '') =>
  `return { district_hub = { url = "${url}", every = "daily 03:00", page = 10, ${more} } }\n`

/** A street whose office has set the hub's address; `secret` false: nobody has given the word yet. */
async function streetFor(url, { more, secret = true } = {}) {
  const scripts = await mkdtemp(join(tmpdir(), 'wangyi-scripts-'))
  ended.push(() => rm(scripts, { recursive: true, force: true }))
  await cp(join(ROOT, 'scripts'), scripts, { recursive: true })
  await writeFile(join(scripts, 'office', 'feeds.lua'), setting('', more))
  const street = await startStreet({ people: ['admin'], args: ['--scripts', scripts] })
  ended.push(() => street.close())
  street.admin = await street.signIn('admin')
  street.secret = (word = SECRET) => {
    const run = spawnSync(BINARY, ['feed', 'secret', 'district_hub', '--data', street.data], { input: word + '\n', encoding: 'utf8' })
    assert.equal(run.status, 0, run.stderr)
  }
  if (secret) street.secret()
  street.aim = async (to, also = more) => {
    await writeFile(join(scripts, 'office', 'feeds.lua'), setting(to, also))
    const reloaded = await street.ask('POST', '/api/v1/reload', { cookie: street.admin, json: {} })
    assert.equal(reloaded.status, 200, reloaded.text)
  }
  street.feed = async () => (await street.ask('GET', '/api/v1/feeds', { cookie: street.admin })).body.items
    .find((one) => one.name === 'district_hub')
  street.until = async (what, test, ms = 20000) => {
    for (const end = Date.now() + ms; ;) {
      const feed = await street.feed().catch(() => null)
      if (feed && test(feed)) return feed
      if (Date.now() > end) throw new Error(`${what}: ${JSON.stringify(feed)}\n${street.log.join('').slice(-2000)}`)
      await sleep(50)
    }
  }
  street.incomes = async () => {
    const all = []
    for (let next = ''; next !== null;) {
      const page = await street.ask('GET', `/api/v1/records/ent_income?limit=50${next && `&after=${encodeURIComponent(next)}`}`, { cookie: street.admin })
      all.push(...page.body.items)
      next = page.body.next
    }
    return all.map((one) => one.ent_id).sort()
  }
  if (url) await street.aim(url)
  return street
}
async function hubOf(options) {
  const hub = await startHub({ secret: SECRET, ...options })
  ended.push(() => hub.close())
  return hub
}

test('all pages, then only what is new; faults are outlasted', async () => {
  const items = Array.from({ length: 35 }, (_, i) => income(i))
  const hub = await hubOf({ items, faults: '500@2,cut@4,junk@5' })
  const street = await streetFor(hub.url)
  const feed = await street.until('all pages', (one) => one.cursor === '35')
  assert.equal((await street.incomes()).length, 35)
  assert.equal(feed.counts.accepted, 35)
  assert.equal(feed.counts.failed, 3)
  assert.ok(feed.next_at && feed.last_ok)
  assert.equal(hub.log[0].authorization, `Bearer ${SECRET}`)
  assert.match(hub.log[0].path, /limit=10$/)
  assert.ok(!street.log.join('').includes(SECRET))

  items.push(income(35))
  assert.equal((await street.ask('POST', '/api/v1/feeds/district_hub/pull', { cookie: street.admin, json: {} })).status, 204)
  await street.until('the new one', (one) => one.cursor === '36')
  assert.equal((await street.incomes()).length, 36)
  const updates = (await street.ask('GET', '/api/v1/records/dataset_update?limit=50', { cookie: street.admin })).body.items
    .filter((one) => one.dataset_id === 'DS_ent_income' && one.operator_id === 'feed:district_hub')
  assert.equal(updates.length, 2, 'one for each run of pages')
  const others = (await street.ask('GET', '/api/v1/records/dataset_update?limit=50', { cookie: street.admin })).body.items
  assert.ok(!others.some((one) => one.dataset_id === 'DS_enterprise'), 'nothing is said of data that never came')
})

test('killed between pages: nothing lost, nothing twice', async () => {
  const items = Array.from({ length: 200 }, (_, i) => income(i))
  const hub = await hubOf({ items, faults: 'slow@*:60' })
  const street = await streetFor(hub.url)
  const seen = []
  for (let i = 0; i < 4; i++) {
    seen.push(Number((await street.until('a page', (one) => Number(one.cursor || 0) > (seen.at(-1) ?? 0))).cursor))
    await street.restart('SIGKILL')
    street.admin = await street.signIn('admin')
  }
  await street.until('the end', (one) => one.cursor === '200')
  assert.deepEqual(await street.incomes(), items.map((one) => one.record.ent_id).sort())
  for (const id of ['HUB0000', 'HUB0050', 'HUB0199']) {
    const history = await street.ask('GET', `/api/v1/records/ent_income/${id}%7C2020-01/history`, { cookie: street.admin })
    assert.equal(history.body.items.length, 1, id)
  }
  const verify = spawnSync(BINARY, ['verify', '--data', street.data], { encoding: 'utf8' })
  await street.stop()
  assert.equal(verify.status, 0, verify.stderr)
})

test('Retry-After is kept to, and tries grow further apart', async () => {
  const hub = await hubOf({ items: [income(1)], faults: '429@1:3,500@2,500@3' })
  const street = await streetFor(hub.url)
  await street.until('the end', (one) => one.cursor === '1')
  const gaps = hub.log.slice(1).map((one, i) => one.at - hub.log[i].at)
  assert.ok(gaps[0] >= 2900, `after 429: ${gaps}`)
  assert.ok(gaps[1] >= 900 && gaps[2] >= 1900, `doubling: ${gaps}`)
})

test('no redirects, no endless pages, no large answers; a wrong word is told', async () => {
  const outside = await hubOf({ items: [income(7)], secret: '' })
  for (const [faults, words] of [[`redirect@*:${outside.url}`, /不跟随/], ['stuck@*', /游标却没有动/], ['large@*', /KiB/], ['junk@*', /JSON/]]) {
    const hub = await hubOf({ items: [income(1)], faults })
    const street = await streetFor(hub.url)
    const feed = await street.until(faults, (one) => one.last_error)
    assert.match(feed.last_error, words)
    assert.equal(feed.cursor, null)
    await street.stop()
  }
  assert.equal(outside.log.length, 0)
  const hub = await hubOf({ items: [income(1)] })
  const street = await streetFor(hub.url, { secret: false })
  assert.match((await street.until('no word', (one) => one.last_error)).last_error, /wangyi feed secret district_hub/)
  assert.equal(hub.log.length, 0)
  street.secret('another word')
  await street.ask('POST', '/api/v1/feeds/district_hub/pull', { cookie: street.admin, json: {} })
  assert.match((await street.until('wrong word', (one) => /401/.test(one.last_error))).last_error, /口令/)
  street.secret()
  await street.ask('POST', '/api/v1/feeds/district_hub/pull', { cookie: street.admin, json: {} })
  await street.until('right word', (one) => one.cursor === '1')
})

test('names that lead inside are not followed unless the office says so', async (t) => {
  const { address } = await lookup(hostname(), 4).catch(() => ({}))
  if (!address?.startsWith('127.')) return t.skip('this machine has no name for itself')
  const hub = await hubOf({ items: [income(1)] })
  const url = `http://${hostname()}:${new URL(hub.url).port}/records`
  const street = await streetFor(url)
  assert.match((await street.until('refused', (one) => one.last_error)).last_error, /内网/)
  assert.equal(hub.log.length, 0)
  await street.aim(url, 'private = true')
  await street.ask('POST', '/api/v1/feeds/district_hub/pull', { cookie: street.admin, json: {} })
  await street.until('allowed', (one) => one.cursor === '1')
})

test('over TLS only from whom the office trusts', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'wangyi-hub-tls-'))
  const cert = join(dir, 'cert.pem'), key = join(dir, 'key.pem')
  ended.push(() => rm(dir, { recursive: true, force: true }))
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=hub', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert])
  assert.equal(made.status, 0, String(made.stderr))
  const hub = await hubOf({ items: [income(1)], tls: { cert: await readFile(cert), key: await readFile(key) } })
  const street = await streetFor(hub.url)
  assert.match((await street.until('refused', (one) => one.last_error)).last_error, /certificate/i)
  assert.equal(hub.log.length, 0)
  await street.aim(hub.url, `ca = "${cert}"`)
  await street.ask('POST', '/api/v1/feeds/district_hub/pull', { cookie: street.admin, json: {} })
  await street.until('trusted', (one) => one.cursor === '1')
})

test('the server stops at once while the hub keeps silent', async () => {
  const hub = await hubOf({ items: [income(1)], faults: 'hang@*' })
  const street = await streetFor(hub.url)
  for (const end = Date.now() + 10000; !hub.log.length && Date.now() < end;) await sleep(20)
  const began = Date.now()
  assert.equal(await street.stop(), 0)
  assert.ok(Date.now() - began < 6000)
})
