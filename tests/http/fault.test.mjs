// A disk that fails to sync: nothing is acknowledged that is not on it, the server lives, and goes on by itself
// when the disk does (reliability.md F9, P10).
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sleep, startStreet } from './lib/server.mjs'
import { openSocket } from './lib/ws.mjs'

let dir, mark, street, key, cookie
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'wangyi-fault-'))
  mark = join(dir, 'fail')
  const shim = join(dir, 'fail_sync.so')
  const source = fileURLToPath(new URL('./lib/fail_sync.c', import.meta.url))
  const built = spawnSync('gcc', ['-D_GNU_SOURCE', '-shared', '-fPIC', '-o', shim, source, '-ldl'])
  assert.equal(built.status, 0, String(built.stderr))
  street = await startStreet({ env: { LD_PRELOAD: shim, FAIL_SYNC: mark } })
  key = await street.key('ent_income')
  cookie = await street.signIn('admin')
})
after(async () => {
  await rm(mark, { force: true })
  await street.close()
  await rm(dir, { recursive: true })
})

const record = (name) => [{ ent_id: name, month: '2020-01', income_cny: 1 }]
const read = (name) => street.ask('GET', `/api/v1/records/ent_income/${name}%7C2020-01`, { cookie })

test('through failing syncs what was acknowledged is there and the rest was refused', async () => {
  const socket = await openSocket(street.port, { cookie, origin: street.url })
  const acknowledged = []
  let refused = 0
  let reading = 0
  for (let round = 0; round < 4; round++) {
    await writeFile(mark, '')
    const until = Date.now() + 1200
    for (let i = 0; Date.now() < until; i++) {
      const name = `r${round}-${i}`
      const [sent, seen] = await Promise.all([street.send(key, 'ent_income', record(name)), read('nobody'),
        street.ask('GET', '/-/healthy').then((one) => assert.equal(one.status, 200)),
        socket.request({ type: 'ping' }).catch((error) => error)])
      assert.ok([404, 503].includes(seen.status), String(seen.status))
      reading += seen.status === 404
      if (sent.status === 200) acknowledged.push(name)
      else {
        refused++
        assert.equal(sent.status, 503, sent.text)
        assert.match(sent.body.detail, /[\u4e00-\u9fff]/)
        assert.ok(sent.headers.get('retry-after'))
      }
      await sleep(30)
    }
    await rm(mark)
    const began = Date.now()
    for (;;) {
      const sent = await street.send(key, 'ent_income', record(`back${round}`))
      if (sent.status === 200) break
      assert.ok(Date.now() - began < 5000, 'it does not recover by itself')
      await sleep(100)
    }
    acknowledged.push(`back${round}`)
  }
  assert.ok(refused > 10, `${refused} refused`)
  assert.ok(reading > 0, 'nothing could be read meanwhile')
  for (const name of acknowledged) assert.equal((await read(name)).status, 200, name)
  assert.ok((await socket.request({ type: 'ping' })).type === 'ok')
  socket.close()
  assert.equal((await street.ask('GET', '/-/ready')).status, 200)
  await street.restart('SIGKILL')
  for (const name of acknowledged) assert.equal((await read(name)).status, 200, name)
})
