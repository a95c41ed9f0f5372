// node tests/e2e/run.mjs [NAME]: runs the journeys whose file or name holds NAME. Each gets a
// street (data folder + server) and a browser page of its own. What a failing one saw is kept
// under build/e2e/. The binary is WANGYI, else build/wangyi.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openBrowser, openPage } from './lib/browser.mjs'
import { newStreet, ROOT } from './lib/server.mjs'

const HELPERS = new Set(['run.mjs', 'picture.mjs'])
const LIMIT_MS = 90000
const kept = join(ROOT, 'build', 'e2e')
const wanted = process.argv[2] || ''
const here = new URL('.', import.meta.url)

async function findJourneys() {
  const found = []
  for (const file of readdirSync(here).sort()) {
    if (!file.endsWith('.mjs') || HELPERS.has(file)) continue
    const journeys = Object.entries(await import(new URL(file, here)))
    for (const [name, play] of journeys) {
      if (file.includes(wanted) || name.includes(wanted)) found.push({ name, play })
    }
  }
  return found
}

async function runOne(browser, { name, play }) {
  const log = join(kept, `${name}.log`)
  rmSync(log, { force: true })
  const street = await newStreet(log)
  const pages = []
  const open = async (kind) => {
    const page = await openPage(browser, street.url, kind)
    pages.push(page)
    return page
  }
  let timer
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`not done after ${LIMIT_MS} ms`)), LIMIT_MS)
  })
  try {
    await Promise.race([play({ street, open }), late])
    return null
  } catch (error) {
    for (const [at, page] of pages.entries()) {
      await page.screenshot({ path: join(kept, `${name}-${at}.png`) }).catch(() => {})
    }
    return error
  } finally {
    clearTimeout(timer)
    for (const page of pages)
      await page
        .context()
        .close()
        .catch(() => {})
    await street.close()
  }
}

mkdirSync(kept, { recursive: true })
const journeys = await findJourneys()
if (!journeys.length) {
  console.error(`no journey is called ${wanted}`)
  process.exit(2)
}
const browser = await openBrowser()
let passed = 0
for (const journey of journeys) {
  const started = Date.now()
  const error = await runOne(browser, journey)
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  if (!error) passed += 1
  console.log(`${error ? 'FAILED' : 'ok    '} ${journey.name} (${seconds} s)`)
  if (error) {
    console.log(
      `       ${String(error.stack || error)
        .split('\n')
        .slice(0, 12)
        .join('\n       ')}`
    )
    console.log(
      `       alone: node tests/e2e/run.mjs ${journey.name}   kept: build/e2e/${journey.name}*`
    )
  }
}
await browser.close()
console.log(`${passed} passed, ${journeys.length - passed} failed`)
process.exit(passed === journeys.length ? 0 : 1)
