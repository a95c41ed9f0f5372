// Debian's Chromium, driven by playwright-core; nothing is downloaded.
import { createRequire } from 'node:module'

const fromWeb = createRequire(new URL('../../../web/package.json', import.meta.url))
const { chromium } = fromWeb('playwright-core')

const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]
export const DESK = { viewport: { width: 1366, height: 850 }, locale: 'zh-CN' }
export const PHONE = {
  locale: 'zh-CN',
  viewport: { width: 390, height: 844 },
  isMobile: true,
  hasTouch: true,
  deviceScaleFactor: 2
}

export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: QUIET
  })
}

// What the page does that it should not: errors, refused styles and scripts, foreign hosts.
async function watch(page, home) {
  const seen = { errors: [], violations: [], foreign: [] }
  await page.exposeFunction('reportViolation', (text) => seen.violations.push(text))
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.reportViolation(
        `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`
      )
    })
  })
  page.on('pageerror', (error) => seen.errors.push(String(error)))
  page.on('console', (message) => {
    // the browser itself writes these for answers like 401, which the pages handle
    if (
      message.type() === 'error' &&
      !/Failed to load resource|WebSocket connection/.test(message.text())
    ) {
      seen.errors.push(message.text())
    }
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== home)
      seen.foreign.push(request.url())
  })
  return seen
}

export async function openPage(browser, home, kind = DESK) {
  const context = await browser.newContext(kind)
  context.setDefaultTimeout(15000)
  const page = await context.newPage()
  page.seen = await watch(page, home)
  return page
}

export async function fillSignIn(page, name, password) {
  await page.fill('input[name=username]', name)
  await page.fill('input[name=password]', password)
  await page.click('.sign-in button[type=submit]')
}

/** Signs in and waits until the page is live. */
export async function signIn(page, home, name, password, path = '/alerts') {
  await page.goto(home + path)
  await page.waitForSelector('input[name=username]')
  await fillSignIn(page, name, password)
  await page.waitForSelector('.connection.connected')
}

// A row out of sight is not laid out and has no innerText: ask rows for their textContent.
export const rowOf = (page, text) =>
  page.locator('.alert-rows .row:not(.head)', { hasText: text })
