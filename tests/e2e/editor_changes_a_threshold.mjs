import assert from 'node:assert/strict'
import { rowOf, signIn } from './lib/browser.mjs'

const roster = (as_of, ...members) => ({ ent_id: '91330105TEST000073', as_of, members })

export async function a_lower_threshold_with_a_reason_counts_from_the_next_record({
  street,
  open
}) {
  street.addUser('wang', {
    role: 'editor',
    office: 'regional_dev',
    password: 'correct horse 73'
  })
  const key = street.addKey('exec_roster')
  await street.start()
  await street.send(key, 'exec_roster', [
    roster('2020-04-01', 'legal_rep:p1', 'director:p3'),
    roster('2020-05-01', 'legal_rep:p1', 'director:p4') // 2 moves: under the limit of 3
  ])
  const page = await open()
  await signIn(page, street.url, 'wang', 'correct horse 73', '/scenarios/ent_executive_change')
  await page.click('[data-setting=nonkey_min]')
  await page.fill('[role=dialog] input', '0')
  await page.fill('[role=dialog] textarea', '董事变动也要走访')
  await page.click('[role=dialog] button[type=submit]')
  await page.waitForSelector('[role=dialog] .note.bad')
  assert.match(await page.innerText('[role=dialog] .note.bad'), /不能小于 1/)
  await page.fill('[role=dialog] input', '2')
  await page.click('[role=dialog] button[type=submit]')
  await page.waitForSelector('[role=dialog]', { state: 'hidden' })
  await page.waitForFunction(() =>
    /董事变动也要走访/.test(document.querySelector('.entries').textContent)
  )
  assert.match(await page.innerText('.scenario-view'), /2 人次/)

  await page.goto(street.url + '/alerts')
  await page.waitForSelector('.list-state.middle')
  await street.send(key, 'exec_roster', [roster('2020-07-01', 'legal_rep:p1', 'director:p5')])
  const row = rowOf(page, '91330105TEST000073')
  await row.waitFor()
  assert.match(await row.textContent(), /蓝/)
}

export async function somebody_of_another_office_reads_and_cannot_change({ street, open }) {
  street.addUser('zhao', { role: 'editor', office: 'safety', password: 'correct horse 74' })
  await street.start()
  const page = await open()
  await signIn(page, street.url, 'zhao', 'correct horse 74', '/scenarios/ent_executive_change')
  await page.waitForSelector('.script-text .line')
  assert.equal(await page.locator('[data-setting]').count(), 0)
  assert.equal(await page.locator('[data-action=pause]').count(), 0)
  assert.equal(await page.locator('.side-nav a[href="/admin"]').count(), 0)
}
