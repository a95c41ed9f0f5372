// Static files, the shape of answers every route shares, and the OpenAPI document.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { spawnSync } from 'node:child_process'
import { httpRequest, startStreet } from './lib/server.mjs'

let street, web
const SCRIPT = 'export const words = "' + 'wangyi '.repeat(20000) + '"\n'
before(async () => {
  web = await mkdtemp(join(tmpdir(), 'wangyi-web-'))
  await mkdir(join(web, 'staff/assets'), { recursive: true })
  await mkdir(join(web, 'staff/.git'))
  await writeFile(join(web, 'staff/index.html'), '<!doctype html><title>网驿</title>\n')
  await writeFile(join(web, 'staff/assets/index-1a2b3c.js'), SCRIPT)
  await writeFile(join(web, 'staff/assets/small-1a2b3c.css'), 'a{}')
  await writeFile(join(web, 'staff/.secret'), 'secret')
  await writeFile(join(web, 'staff/.git/config'), 'secret')
  await writeFile(join(web, 'outside.txt'), 'secret')
  await symlink('/etc/passwd', join(web, 'staff/passwd'))
  await symlink('/etc', join(web, 'staff/etc'))
  spawnSync('mkfifo', [join(web, 'staff/fifo')])
  street = await startStreet({ web })
})
after(async () => {
  await street.close()
  await rm(web, { recursive: true })
})

/** Without fetch's own ideas about encodings and paths. */
const plain = (path, headers = {}, method = 'GET') =>
  new Promise((done, fail) => {
    const asked = httpRequest({ port: street.port, path, method, headers }, (answer) => {
      const pieces = []
      answer.on('data', (one) => pieces.push(one))
      answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces) }))
    })
    asked.on('error', fail)
    asked.end()
  })

test('pages are served with a strict policy', async () => {
  for (const path of ['/', '/index.html', '/alerts/some-id', '/alerts/some.thing']) {
    const answer = await plain(path)
    assert.equal(answer.status, 200, path)
    assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8')
    assert.match(answer.headers['content-security-policy'], /default-src 'self'.*frame-ancestors 'none'/)
    assert.doesNotMatch(answer.headers['content-security-policy'], /unsafe/)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff')
    assert.equal(answer.headers['referrer-policy'], 'no-referrer')
    assert.equal(answer.headers['cache-control'], 'no-cache')
    assert.match(String(answer.body), /网驿/)
  }
})

test('assets are compressed for who can read that, with the same bytes and for ever', async () => {
  const path = '/assets/index-1a2b3c.js'
  const as = await plain(path)
  const packed = await plain(path, { 'Accept-Encoding': 'br, gzip' })
  assert.equal(String(as.body), SCRIPT)
  assert.equal(as.headers['content-encoding'], undefined)
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.ok(packed.body.length < SCRIPT.length / 10)
  assert.equal(String(gunzipSync(packed.body)), SCRIPT)
  assert.match(as.headers['cache-control'], /immutable/)
  assert.equal(as.headers['content-type'], 'text/javascript; charset=utf-8')
  assert.equal((await plain('/assets/small-1a2b3c.css', { 'Accept-Encoding': 'gzip' })).headers['content-encoding'], undefined)
})

test('what has not changed is not sent again', async () => {
  const first = await plain('/')
  assert.match(first.headers.etag, /^"[0-9a-f]{32}"$/)
  for (const header of [first.headers.etag, `"x", ${first.headers.etag}`, `W/${first.headers.etag}`, '*']) {
    const again = await plain('/', { 'If-None-Match': header })
    assert.deepEqual([again.status, again.body.length], [304, 0], header)
  }
  assert.equal((await plain('/', { 'If-None-Match': '"other"' })).status, 200)
})

test('HEAD says what GET would, without the body', async () => {
  for (const path of ['/', '/assets/index-1a2b3c.js', '/-/healthy', '/api/v1/openapi.json', '/api/v1/me']) {
    const [get, head] = [await plain(path), await plain(path, {}, 'HEAD')]
    assert.equal(head.status, get.status, path)
    assert.equal(head.body.length, 0, path)
    assert.equal(head.headers['content-length'], get.headers['content-length'], path)
  }
})

test('nothing outside the built pages is served', async () => {
  const secret = /secret|root:/
  const paths = ['/passwd', '/etc/passwd', '/.secret', '/.git/config', '/../outside.txt', '/%2e%2e/outside.txt',
    '/..%2foutside.txt', '/assets/../../outside.txt', '/assets/%2e%2e%2f%2e%2e%2foutside.txt', '//etc/passwd', '/./.secret',
    '/%252e%252e/outside.txt', '/fifo', '/staff/index.html/../../outside.txt', '/assets/..%5c..%5coutside.txt']
  for (const path of paths) assert.doesNotMatch(String((await plain(path)).body), secret, path)
  for (const path of ['/assets/nothing.js', '/assets/', '/assets/.x'])
    assert.equal((await plain(path)).status, 404, path)
})

test('unknown addresses and methods are told in the same shape', async () => {
  const cases = [
    ['GET', '/api/v1/nothing', 404], ['GET', '/api', 404], ['GET', '/api/v1/', 404], ['GET', '/-/nothing', 404],
    ['GET', '/ws', 404], ['GET', '/metrics/x', 404, true], ['DELETE', '/api/v1/types', 405], ['PUT', '/api/v1/session', 405],
    ['POST', '/', 405], ['OPTIONS', '/api/v1/types', 405], ['PATCH', '/api/v1/records/ent_income', 405]
  ]
  for (const [method, path, status, page] of cases) {
    const answer = await plain(path, { 'Content-Length': '0' }, method)
    if (page) continue
    assert.equal(answer.status, status, `${method} ${path}`)
    assert.equal(answer.headers['content-type'], 'application/problem+json')
    const body = JSON.parse(answer.body)
    assert.deepEqual([body.type, body.status, Array.isArray(body.errors)], ['about:blank', status, true])
    assert.match(body.detail, /[\u4e00-\u9fff]/)
    assert.equal(answer.headers['cache-control'], 'no-store')
    if (status === 405 && path !== '/') assert.ok(answer.headers.allow, path)
  }
  const allow = (await plain('/api/v1/session', { 'Content-Length': '0' }, 'PUT')).headers.allow
  assert.deepEqual(allow.split(', ').sort(), ['DELETE', 'POST'])
})

test('the OpenAPI document names every route, with its roles, and each once', async () => {
  const { body } = await street.ask('GET', '/api/v1/openapi.json')
  assert.equal(body.openapi, '3.1.0')
  const ids = new Set()
  for (const [path, methods] of Object.entries(body.paths)) {
    for (const [method, one] of Object.entries(methods)) {
      assert.ok(one.summary && one.operationId && one.responses['2XX'], `${method} ${path}`)
      assert.ok(!ids.has(one.operationId), one.operationId)
      ids.add(one.operationId)
      assert.ok(one['x-roles'].length, `${method} ${path} is for nobody`)
      assert.deepEqual(one.parameters.filter((p) => p.in === 'path').map((p) => p.name),
        [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]))
    }
  }
  const expected = {
    '/api/v1/session': ['post', 'delete'], '/api/v1/me': ['get'], '/api/v1/org': ['get'], '/api/v1/types': ['get'],
    '/api/v1/records/{type}': ['post', 'get'], '/api/v1/records/{type}/{key}': ['get'],
    '/api/v1/records/{type}/{key}/history': ['get'], '/api/v1/scenarios': ['get'], '/api/v1/scenarios/{id}': ['get'],
    '/api/v1/scenarios/{id}/versions': ['get'], '/api/v1/scenarios/{id}/check': ['post'],
    '/api/v1/scenarios/{id}/settings': ['patch'], '/api/v1/scenarios/{id}/pause': ['post'],
    '/api/v1/scenarios/{id}/resume': ['post'], '/api/v1/alerts': ['get'], '/api/v1/alerts/{id}': ['get'],
    '/api/v1/alerts/{id}/actions': ['post'], '/api/v1/users': ['get', 'post'], '/api/v1/keys': ['get', 'post'],
    '/api/v1/clock': ['get', 'post'], '/api/v1/reload': ['post'], '/api/v1/backup': ['post'],
    '/-/healthy': ['get'], '/-/ready': ['get'], '/metrics': ['get'], '/api/v1/openapi.json': ['get']
  }
  for (const [path, methods] of Object.entries(expected))
    assert.deepEqual(Object.keys(body.paths[path] || {}).sort(), methods.sort(), path)
})

test('every route of the document is really there, and closed unless it says that it is open', async () => {
  const { body } = await street.ask('GET', '/api/v1/openapi.json')
  for (const [path, methods] of Object.entries(body.paths)) {
    for (const [method, one] of Object.entries(methods)) {
      const real = path.replace(/\{\w+\}/g, 'x')
      const answer = await street.ask(method.toUpperCase(), real, method === 'get' ? {} : { body: '' })
      if (one['x-roles'][0] === 'anybody') assert.ok(![401, 403, 405].includes(answer.status), `${method} ${path}: ${answer.status}`)
      else assert.equal(answer.status, 401, `${method} ${path}`)
    }
  }
})

test('metrics are what Prometheus reads', async () => {
  const { status, text, headers } = await street.ask('GET', '/metrics')
  assert.equal(status, 200)
  assert.match(headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  for (const line of text.trim().split('\n'))
    assert.match(line, /^(# (TYPE|HELP) wangyi_\w+ .+|wangyi_\w+(\{[^}]*\})? [\d.e+-]+)$/, line)
  for (const name of ['wangyi_journal_head', 'wangyi_http_requests_total', 'wangyi_engine_up', 'wangyi_websockets'])
    assert.match(text, new RegExp(`^${name} \\d+$`, 'm'))
})

test('many connections at once are all served', async () => {
  const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => plain(i % 2 ? '/-/healthy' : '/assets/index-1a2b3c.js')))
  assert.ok(answers.every((one) => one.status === 200))
})
