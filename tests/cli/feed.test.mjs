// wangyi feed: what staff run before they reload, and the secret of a feed that fetches.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BINARY, ROOT } from '../http/lib/server.mjs'

let dir
const wangyi = (args, input = '') => spawnSync(BINARY, args, { cwd: ROOT, input, encoding: 'utf8', timeout: 60000 })
before(async () => { dir = await mkdtemp(join(tmpdir(), 'wangyi-feed-')) })
after(() => rm(dir, { recursive: true, force: true }))

test('every shipped format passes its examples', () => {
  const run = wangyi(['feed', 'check', 'hikvision', 'alertmanager', 'cloudevents', 'device_platform', 'district_hub'])
  assert.equal(run.status, 0, run.stdout + run.stderr)
  assert.equal(run.stdout.trim().split('\n').length, 5)
})

test('a wrong one is named with its reason, and the others are still checked', async () => {
  const scripts = join(dir, 'scripts')
  await cp(join(ROOT, 'scripts'), scripts, { recursive: true })
  await writeFile(join(scripts, 'feeds', 'mine.lua'), 'return { title = "我的", types = { "camera" }, accepts = "csv" }')
  const run = wangyi(['feed', 'check', 'mine', 'hikvision', 'missing', '../office/org', '--scripts', scripts])
  assert.equal(run.status, 1)
  assert.match(run.stdout, /^mine：缺少 read$/m)
  assert.match(run.stdout, /^hikvision：通过/m)
  assert.match(run.stdout, /^missing：/m)
  assert.match(run.stdout, /^\.\.\/office\/org：/m)
})

test('a secret comes from stdin and goes into the vault only', async () => {
  const data = join(dir, 'data')
  assert.equal(wangyi(['feed', 'secret', 'district_hub', '--data', data], 'word\n').status, 1, 'no data there yet')
  assert.equal(wangyi(['user', 'add', 'a', '--role', 'admin', '--data', data, '--password-stdin'], 'a long enough word\n').status, 0)
  const run = wangyi(['feed', 'secret', 'district_hub', '--data', data], 'word\n')
  assert.equal(run.status, 0, run.stderr)
  assert.ok(!(run.stdout + run.stderr).includes('word'))
  assert.equal(wangyi(['feed', 'secret', 'district_hub', '--data', data], '').status, 1, 'an empty one')
  assert.equal(wangyi(['feed', 'secret', '../x', '--data', data], 'word\n').status, 1)
  assert.equal(wangyi(['feed', 'secret']).status, 2)
  assert.equal(wangyi(['feed', 'sing', 'x']).status, 2)
  await mkdir(join(dir, 'empty'))
  assert.equal(wangyi(['feed', 'secret', 'district_hub', '--data', join(dir, 'empty')], 'word\n').status, 1)
})
