import assert from 'node:assert/strict'
import { rowOf, signIn } from './lib/browser.mjs'
import { enterprise, INCOME_KEY, incomes } from './lib/sample.mjs'

const NAME = '示例物联电商有限公司'

export async function the_income_alert_appears_when_the_clock_reaches_its_tick({
  street,
  open
}) {
  street.addUser('chen', {
    role: 'office',
    office: 'regional_dev',
    password: 'correct horse 71'
  })
  street.addUser('root', { role: 'admin', password: 'correct horse 70' })
  const key = street.addKey('enterprise', 'ent_income')
  await street.start('--clock', '2020-03-10T07:59:00+08:00')
  await street.send(key, 'enterprise', [enterprise(INCOME_KEY, NAME, '2020-02')])
  await street.send(key, 'ent_income', incomes)

  const page = await open()
  await signIn(page, street.url, 'chen', 'correct horse 71')
  await page.waitForSelector('.clock-banner')
  assert.match(await page.innerText('[data-testid=held-now]'), /2020年3月10日 07:59/)
  assert.equal(await rowOf(page, NAME).count(), 0)

  await street.moveClock('root', 'correct horse 70', '2020-03-10T08:00:00+08:00')
  const row = rowOf(page, NAME)
  await row.waitFor()
  assert.match(await row.textContent(), /黄/)
  await page.waitForFunction(() =>
    /2020年3月10日 08:00/.test(document.querySelector('[data-testid=held-now]').textContent)
  )
  await row.locator('a').click()
  await page.waitForSelector('.checks')
  const text = await page.innerText('.alert-view')
  assert.match(text, /营收同比降幅/)
  assert.match(text, /17\.07/)
  assert.match(text, /6,800,000/)
}

export async function an_administrator_moves_the_clock_on_the_page({ street, open }) {
  street.addUser('root', { role: 'admin', password: 'correct horse 70' })
  const key = street.addKey('enterprise', 'ent_income')
  await street.start('--clock', '2020-03-10T07:59:00+08:00')
  await street.send(key, 'enterprise', [enterprise(INCOME_KEY, NAME, '2020-02')])
  await street.send(key, 'ent_income', incomes)
  const page = await open()
  await signIn(page, street.url, 'root', 'correct horse 70')
  await page.getByRole('button', { name: '到下一个 08:00' }).click()
  await rowOf(page, NAME).waitFor()
}
