import assert from 'node:assert/strict'
import { rowOf, signIn } from './lib/browser.mjs'
import { enterprise, ROSTER_KEY, rosters } from './lib/sample.mjs'

const NAME = '示例商贸有限公司'

async function signedInDesk({ street, open }) {
  street.addUser('chen', {
    role: 'office',
    office: 'regional_dev',
    password: 'correct horse 71'
  })
  const key = street.addKey('exec_roster', 'enterprise')
  await street.start()
  const page = await open()
  await signIn(page, street.url, 'chen', 'correct horse 71')
  await page.waitForSelector('.list-state.middle') // nothing there yet
  return { page, key }
}

async function sendChange(street, key) {
  await street.send(key, 'enterprise', [enterprise(ROSTER_KEY, NAME, '2020-06')])
  await street.send(key, 'exec_roster', rosters())
}

export async function an_alert_arrives_without_a_reload_and_says_why({ street, open }) {
  const { page, key } = await signedInDesk({ street, open })
  await page.evaluate(() => (window.sameDocument = true))
  await sendChange(street, key)
  const row = rowOf(page, NAME)
  await row.waitFor()
  assert.match(await row.textContent(), /橙[\s\S]*待签收[\s\S]*签收/)
  await page.waitForFunction(() =>
    document.querySelector('[role=status].unseen').textContent.includes('橙')
  )
  assert.equal(await page.evaluate(() => window.sameDocument), true)
  await page.waitForFunction(
    () => document.querySelector('[data-testid=count-orange]').textContent === '1'
  )

  await row.locator('a').click()
  await page.waitForSelector('.alert-view .sentence')
  const text = await page.innerText('.alert-view')
  assert.match(text, /变动的关键职务/)
  assert.match(text, /满足/)
  assert.match(text, new RegExp(`${ROSTER_KEY} · 2020年7月1日`))
  await page.locator('.sources h3 a', { hasText: '2020年7月1日' }).click()
  await page.waitForSelector('.record-view .entries')
  assert.match(await page.innerText('.record-view'), /legal_rep:p9/)
}

export async function a_signed_alert_is_there_once_after_the_server_was_killed({
  street,
  open
}) {
  const { page, key } = await signedInDesk({ street, open })
  await sendChange(street, key)
  await rowOf(page, NAME).locator('a').click()
  await page.click('[data-action=sign]')
  await page.waitForSelector('.alert-view .state-tag.signed')
  await page.click('.back')
  await page.waitForSelector('.alert-rows .state-tag.signed')

  await page.evaluate(() => (window.sameDocument = true))
  await street.kill()
  await page.waitForSelector('.connection:not(.connected)')
  assert.equal(await rowOf(page, NAME).count(), 1) // readable while the server is away
  await street.start()
  await page.waitForSelector('.connection.connected', { timeout: 30000 })
  assert.equal(await page.evaluate(() => window.sameDocument), true)
  assert.equal(await rowOf(page, NAME).count(), 1)
  assert.match(await rowOf(page, NAME).textContent(), /已签收/)

  // what arrives after the restart still comes through the mended connection
  await street.send(key, 'enterprise', [
    enterprise('91330105TEST000072', '示例设计有限公司', '2020-06')
  ])
  await street.send(key, 'exec_roster', rosters('91330105TEST000072'))
  await rowOf(page, '示例设计有限公司').waitFor()
  await page.reload()
  await rowOf(page, NAME).waitFor()
  assert.equal(await page.locator('.alert-rows .row:not(.head)').count(), 2)
}

export async function two_people_at_one_alert_do_not_overwrite_each_other({ street, open }) {
  street.addUser('lin', {
    role: 'office',
    office: 'regional_dev',
    password: 'correct horse 72'
  })
  const { page, key } = await signedInDesk({ street, open })
  await sendChange(street, key)
  await rowOf(page, NAME).locator('a').click()
  await page.click('[data-action=false_alarm]')
  await page.fill('[role=dialog] textarea', '登记机关更正，并无变动。')

  const other = await open()
  await signIn(other, street.url, 'lin', 'correct horse 72', new URL(page.url()).pathname)
  await other.click('[data-action=sign]')
  await other.waitForSelector('.alert-view .state-tag.signed')

  await page.waitForSelector('.alert-view .state-tag.signed')
  await page.click('[role=dialog] button[type=submit]')
  await page.waitForSelector('[role=dialog] .note.bad')
  assert.match(await page.innerText('[role=dialog] .note.bad'), /已签收/)
  assert.equal(await page.inputValue('[role=dialog] textarea'), '登记机关更正，并无变动。')
}
