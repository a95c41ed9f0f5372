import assert from 'node:assert/strict'
import { DESK, PHONE, rowOf, signIn } from './lib/browser.mjs'
import { enterprise, ROSTER_KEY, rosters } from './lib/sample.mjs'

const NAME = '示例商贸有限公司'
const PAGES = [
  '/alerts',
  '/scenarios',
  '/scenarios/ent_executive_change',
  '/data',
  '/data/exec_roster',
  '/admin'
]

async function streetWithAnAlert({ street }) {
  street.addUser('root', { role: 'admin', password: 'correct horse 70' })
  const key = street.addKey('exec_roster', 'enterprise')
  await street.start()
  await street.send(key, 'enterprise', [enterprise(ROSTER_KEY, NAME, '2020-06')])
  await street.send(key, 'exec_roster', rosters())
}

export async function english_is_one_switch_away_and_is_remembered({ street, open }) {
  await streetWithAnAlert({ street })
  const page = await open(DESK)
  await signIn(page, street.url, 'root', 'correct horse 70')
  assert.equal(await page.innerText('h1'), '告警')
  await page.getByRole('button', { name: 'English' }).click()
  await page.waitForFunction(() => document.querySelector('h1').textContent === 'Alerts')
  assert.equal(await page.getAttribute('html', 'lang'), 'en')
  assert.match(
    await rowOf(page, NAME).textContent(),
    /Orange[\s\S]*New[\s\S]*left to sign|late/
  )
  for (const path of PAGES) {
    await page.goto(street.url + path)
    await page.waitForSelector('h1')
    assert.match(await page.innerText('.side-nav'), /Alerts\s+Scenarios\s+Data\s+Users/)
    assert.match(await page.title(), /Wangyi$/)
  }
  await page.getByRole('button', { name: '中文' }).click()
  await page.waitForFunction(() => document.documentElement.lang === 'zh-CN')
}

export async function nothing_is_wider_than_a_phone({ street, open }) {
  await streetWithAnAlert({ street })
  const page = await open(PHONE)
  await signIn(page, street.url, 'root', 'correct horse 70')
  await rowOf(page, NAME).locator('a').waitFor()
  const href = await rowOf(page, NAME).locator('a').getAttribute('href')
  for (const path of [...PAGES, href, `/data/exec_roster/${ROSTER_KEY}%7C2020-07-01`]) {
    await page.goto(street.url + path)
    await page.waitForSelector('main h1')
    await page.waitForLoadState('networkidle')
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(width <= 390, `${path} is ${width} px wide`)
  }
}

export async function the_list_is_worked_from_the_keyboard({ street, open }) {
  await streetWithAnAlert({ street })
  const page = await open(DESK)
  await signIn(page, street.url, 'root', 'correct horse 70')
  await rowOf(page, NAME).waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('没有这个')
  await page.waitForSelector('.list-state.middle')
  await page.keyboard.press('Escape')
  await page.goto(street.url + '/alerts')
  await rowOf(page, NAME).waitFor()
  await page.keyboard.press('?')
  await page.waitForSelector('.help-keys')
  await page.keyboard.press('Escape')
  await page.waitForSelector('.help-keys', { state: 'hidden' })
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.alert-view .sentence')
}
