// Both languages have the same keys and places, and no page asks for a key that is not there.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import en from '../shared/i18n/en.js'
import zh from '../shared/i18n/zh.js'

const web = fileURLToPath(new URL('..', import.meta.url))

function sources(folder) {
  return readdirSync(join(web, folder)).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(join(web, path)).isDirectory()) return name === 'i18n' ? [] : sources(path)
    return /\.(vue|js)$/.test(name) ? [path] : []
  })
}

const places = (text) => (text.match(/\{\w+\}/g) || []).sort()

test('both languages have the same keys', () => {
  assert.deepEqual(Object.keys(en), Object.keys(zh))
})

test('a text has the same places to fill in both languages', () => {
  for (const key of Object.keys(zh)) assert.deepEqual(places(en[key]), places(zh[key]), key)
})

test('no text is empty', () => {
  for (const words of [zh, en]) {
    for (const [key, text] of Object.entries(words)) assert.ok(text.trim(), key)
  }
})

// Names of commands look like keys and are none.
const commands = new Set(['scenario.pause', 'scenario.resume'])
const groups = new Set(Object.keys(zh).map((key) => key.split('.')[0]))

test('every key a page names is there', () => {
  for (const path of [...sources('staff'), ...sources('shared')]) {
    const text = readFileSync(join(web, path), 'utf8')
    for (const [, key] of text.matchAll(/'([a-z_]+(?:\.[a-z_0-9]+)+)'/g)) {
      if (groups.has(key.split('.')[0]) && !commands.has(key))
        assert.ok(key in zh, `${path}: ${key}`)
    }
  }
})
