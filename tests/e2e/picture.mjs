// node tests/e2e/picture.mjs URL NAME PASSWORD: takes the README's picture of the alert list from
// a running demo server and writes web/screenshot-alerts.png.
import { join } from 'node:path'
import { openBrowser, openPage, signIn } from './lib/browser.mjs'
import { ROOT } from './lib/server.mjs'

const [url, name, password] = process.argv.slice(2)
if (!password) {
  console.error('usage: node tests/e2e/picture.mjs URL NAME PASSWORD')
  process.exit(2)
}
const browser = await openBrowser()
const page = await openPage(browser, url)
await signIn(page, url, name, password)
await page.waitForSelector('.alert-rows')
await page.waitForTimeout(1000) // fonts and the mark of new rows
await page.mouse.move(0, 0)
await page.screenshot({ path: join(ROOT, 'web', 'screenshot-alerts.png') })
await browser.close()
