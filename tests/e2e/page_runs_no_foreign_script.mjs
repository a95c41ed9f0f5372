import assert from 'node:assert/strict'
import { rowOf, signIn } from './lib/browser.mjs'
import { enterprise, ROSTER_KEY, rosters } from './lib/sample.mjs'

const HOSTILE =
  '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>{{7*7}} 示例公司'

export async function no_page_runs_or_fetches_anything_foreign({ street, open }) {
  street.addUser('root', { role: 'admin', password: 'correct horse 70' })
  const key = street.addKey('exec_roster', 'enterprise')
  await street.start('--clock', '2020-07-02T09:00:00+08:00')
  await street.send(key, 'enterprise', [enterprise(ROSTER_KEY, HOSTILE, '2020-06')])
  await street.send(key, 'exec_roster', rosters())

  const page = await open()
  await signIn(page, street.url, 'root', 'correct horse 70')
  const row = rowOf(page, '示例公司')
  await row.waitFor()
  assert.match(await row.textContent(), /<img src=x onerror="window\.hacked=1"><script>/)
  assert.match(await row.textContent(), /\{\{7\*7\}\}/)
  await row.locator('a').click()
  await page.waitForSelector('.alert-view .sentence')
  await page.click('[data-action=false_alarm]') // dialogs and selects bring styles of their own
  await page.waitForSelector('[role=dialog] textarea')
  await page.keyboard.press('Escape')
  const pages = [
    '/alerts',
    '/scenarios',
    '/scenarios/ent_executive_change',
    '/data',
    '/data/enterprise',
    `/data/enterprise/${ROSTER_KEY}%7C2020-06`,
    '/admin',
    '/no/such/page'
  ]
  for (const path of pages) {
    await page.goto(street.url + path)
    await page.waitForSelector('h1')
    await page.waitForLoadState('networkidle')
  }
  await page.goto(street.url + '/alerts')
  await page.locator('.alert-filters .choice').first().click()
  await page.waitForSelector('.el-select-dropdown__item:visible')

  assert.equal(await page.evaluate(() => window.hacked), undefined)
  assert.deepEqual(page.seen, { errors: [], violations: [], foreign: [] })
}

export async function the_page_is_served_with_a_strict_policy({ street }) {
  await street.start()
  for (const path of ['/', '/alerts/some-id', '/index.html']) {
    const answer = await fetch(street.url + path)
    assert.equal(answer.status, 200, path)
    const policy = answer.headers.get('content-security-policy') || ''
    assert.match(policy, /default-src 'self'/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.doesNotMatch(policy, /unsafe/)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    assert.doesNotMatch(await answer.text(), /<style|style=|<script(?![^>]*\bsrc=)/)
  }
  const missing = await fetch(street.url + '/assets/no-such-file.js')
  assert.equal(missing.status, 404)
}
