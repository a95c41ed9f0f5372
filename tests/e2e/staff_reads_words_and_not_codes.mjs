import assert from 'node:assert/strict'
import { PHONE, rowOf, signIn } from './lib/browser.mjs'
import { enterprise } from './lib/sample.mjs'

const KEY = '91330105TEST000073'
const NAME = '示例搬迁有限公司'

async function moveOut({ street }) {
  street.addUser('chen', {
    role: 'office',
    office: 'regional_dev',
    password: 'correct horse 71'
  })
  const key = street.addKey('enterprise', 'ent_change', 'tax_month')
  await street.start('--clock', '2020-07-02T09:00:00+08:00')
  await street.send(key, 'enterprise', [enterprise(KEY, NAME, '2020-06')])
  await street.send(
    key,
    'tax_month',
    ['2020-04', '2020-05', '2020-06'].map((month) => ({
      ent_id: KEY,
      month,
      tax_cny: 30000,
      tax_subdistrict: '330105003'
    }))
  )
  await street.send(key, 'ent_change', [
    {
      change_id: 'BG-1',
      ent_id: KEY,
      change_item: 'address',
      old_value: '示例路1号',
      new_value: '示例路2号',
      old_subdistrict: '330105003',
      new_subdistrict: '330105009',
      changed_on: '2020-07-02'
    }
  ])
}

export async function an_alert_names_choices_places_and_months({ street, open }) {
  await moveOut({ street })
  const page = await open()
  await signIn(page, street.url, 'chen', 'correct horse 71')
  await rowOf(page, NAME).locator('a').click()
  await page.waitForSelector('.sources')
  const text = await page.innerText('.sources')
  assert.match(text, /变更事项\s*地址/)
  assert.match(text, /新街道\s*祥符街道/)
  assert.match(text, /2020年5月\s+30,000 元\s+小河街道/)
  assert.doesNotMatch(text, /address|3301050/)
  // one thing is the next to do
  assert.equal(await page.locator('.alert-view .head .el-button--primary').count(), 1)
  assert.equal(await page.innerText('.alert-view .head .el-button--primary'), '签收')

  await page.locator('.sources h3 a', { hasText: 'BG-1' }).click()
  await page.waitForSelector('.record-view .entries')
  assert.match(await page.innerText('.record-view'), /变更事项\s*地址/)
  await page.goto(street.url + '/data/ent_change')
  await page.waitForSelector('.fields')
  assert.match(await page.innerText('.fields'), /经营异常名录 abnormal_list/)
}

const SMALL = `[...document.querySelectorAll('button, input, select, .el-select__wrapper, summary, nav a, .back')]
  .filter((one) => one.type !== 'radio' && one.type !== 'checkbox' && !one.closest('.el-select'))
  .map((one) => [one.getBoundingClientRect(), one.outerHTML.slice(0, 90)])
  .filter(([box]) => box.width && (box.height < 44 || box.width < 44))
  .map(([box, html]) => Math.round(box.width) + 'x' + Math.round(box.height) + ' ' + html)`

export async function a_finger_meets_everything_on_a_phone({ street, open }) {
  street.addUser('root', { role: 'admin', password: 'correct horse 70' })
  await moveOut({ street })
  const page = await open(PHONE)
  await signIn(page, street.url, 'root', 'correct horse 70')
  await rowOf(page, NAME).locator('a').waitFor()
  const href = await rowOf(page, NAME).locator('a').getAttribute('href')
  const paths = ['/alerts', href, '/scenarios', '/scenarios/ent_new', '/data', '/admin']
  for (const path of paths) {
    await page.goto(street.url + path)
    await page.waitForSelector('main h1')
    await page.waitForLoadState('networkidle')
    assert.deepEqual(await page.evaluate(SMALL), [], path)
  }
}
