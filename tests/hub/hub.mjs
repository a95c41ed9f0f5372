#!/usr/bin/env node
// A district data hub for tests and demonstrations: what scripts/feeds/district_hub.lua fetches from.
//
//   node tests/hub/hub.mjs --listen 127.0.0.1:8090 --dir tests/hub/sample --secret demo [--faults 500@2,slow@3:2000]
//
// GET /records?cursor=&limit= with "Authorization: Bearer SECRET" → {"items":[{"type","record"}],"next","more"}.
// The items are the lines of DIR/*.ndjson in order of file names, read again each time; the cursor counts them.
// Faults are KIND@N[:VALUE]: the N-th request (from 1; * is every one) is answered so. Kinds: 500, 429 (VALUE
// seconds to wait), slow (VALUE ms), cut (half the body), redirect (to VALUE), junk (no JSON), large, stuck (the
// cursor does not move), hang (never answers).
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

async function readItems(dir) {
  const items = []
  for (const name of (await readdir(dir)).filter((one) => one.endsWith('.ndjson')).sort())
    for (const line of (await readFile(join(dir, name), 'utf8')).split('\n'))
      if (line.trim()) items.push(JSON.parse(line))
  return items
}

function readFaults(text) {
  return (text || '').split(',').filter(Boolean).map((one) => {
    const [, kind, at, value] = one.match(/^(\w+)@(\d+|\*)(?::(.*))?$/) ?? []
    if (!kind) throw new Error(`not a fault: ${one}`)
    return { kind, at: at === '*' ? 0 : Number(at), value }
  })
}

/** `items` instead of `dir`: a list that the caller may add to; `tls` { cert, key }: HTTPS. Returns { url, log, faults, close }. */
export async function startHub({ dir, items, secret = '', faults = '', host = '127.0.0.1', port = 0, tls }) {
  const hub = { log: [], faults: readFaults(faults), sockets: new Set() }
  const page = async (url) => {
    const all = items ?? await readItems(dir)
    const from = Number(url.searchParams.get('cursor') || 0)
    const to = Math.min(all.length, from + Math.min(1000, Number(url.searchParams.get('limit') || 100)))
    return { items: all.slice(from, to), next: String(to), more: to < all.length }
  }
  const answer = (response, status, body, headers = {}) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
  const serve = async (request, response) => {
    const url = new URL(request.url, 'http://hub')
    hub.log.push({ path: request.url, authorization: request.headers.authorization, at: Date.now() })
    const n = hub.log.length
    const fault = hub.faults.find((one) => one.at === n || one.at === 0)
    if (secret && request.headers.authorization !== `Bearer ${secret}`) return answer(response, 401, { error: 'who?' })
    if (fault?.kind === '500') return answer(response, 500, { error: 'broken' })
    if (fault?.kind === '429') return answer(response, 429, {}, fault.value ? { 'Retry-After': fault.value } : {})
    if (fault?.kind === 'redirect') return answer(response, 302, '', { Location: fault.value })
    if (fault?.kind === 'junk') return answer(response, 200, '{"items": [')
    if (fault?.kind === 'large') return answer(response, 200, JSON.stringify({ items: [], pad: 'x'.repeat(2 << 20) }))
    if (fault?.kind === 'hang') return
    const body = await page(url)
    if (fault?.kind === 'stuck') return answer(response, 200, { ...body, next: url.searchParams.get('cursor'), more: true })
    if (fault?.kind === 'slow') await new Promise((done) => setTimeout(done, Number(fault.value || 1000)))
    if (fault?.kind === 'cut') {
      const text = JSON.stringify(body)
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
      response.write(text.slice(0, text.length / 2))
      return setTimeout(() => response.destroy(), 50)
    }
    answer(response, 200, body)
  }
  const server = tls ? createSecureServer(tls, serve) : createServer(serve)
  server.on('connection', (socket) => {
    hub.sockets.add(socket)
    socket.on('close', () => hub.sockets.delete(socket))
  })
  await new Promise((done, failed) => server.once('error', failed).listen(port, host, done))
  hub.url = `${tls ? 'https' : 'http'}://${host}:${server.address().port}/records`
  hub.close = () => new Promise((done) => {
    for (const socket of hub.sockets) socket.destroy()
    server.close(done)
  })
  return hub
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: {
    listen: { type: 'string', default: '127.0.0.1:0' }, dir: { type: 'string', default: 'tests/hub/sample' },
    secret: { type: 'string', default: '' }, faults: { type: 'string', default: '' } } })
  const [host, port] = [values.listen.replace(/:\d+$/, ''), Number(values.listen.match(/:(\d+)$/)?.[1] ?? 0)]
  const hub = await startHub({ ...values, host, port })
  console.log(hub.url)
}
