import assert from 'node:assert/strict'
import { PHONE, signIn } from './lib/browser.mjs'
import { rosters } from './lib/sample.mjs'

async function adminPage({ street, open }) {
  street.addUser('root', { role: 'admin', password: 'correct horse 70' })
  await street.start()
  const page = await open()
  await signIn(page, street.url, 'root', 'correct horse 70', '/admin')
  return page
}

async function choose(page, dialog, at, text) {
  await dialog.locator('.choice').nth(at).click()
  await page.locator('.el-select-dropdown__item:visible', { hasText: text }).first().click()
  await dialog.locator('.el-dialog__title').click()
}

export async function a_new_colleague_can_sign_in_at_once({ street, open }) {
  const page = await adminPage({ street, open })
  await page.click('[data-action=add-user]')
  const dialog = page.locator('.el-dialog:visible')
  await dialog.getByLabel('用户名').fill('li')
  await dialog.getByLabel('姓名').fill('李敏')
  await choose(page, dialog, 1, '区域发展办')
  await dialog.getByLabel('初始密码').fill('correct horse 75')
  await dialog.locator('button[type=submit]').click()
  await page.locator('table', { hasText: '李敏' }).waitFor()
  const colleague = await open()
  await signIn(colleague, street.url, 'li', 'correct horse 75')
  assert.match(await colleague.innerText('.top-bar'), /李敏[\s\S]*区域发展办/)
  await colleague.goto(street.url + '/admin')
  await colleague.waitForSelector('.note.warn')
}

export async function a_key_is_shown_once_and_works_for_its_types_only({ street, open }) {
  const page = await adminPage({ street, open })
  await page.click('[data-action=add-key]')
  const dialog = page.locator('.el-dialog:visible')
  await dialog.getByLabel('用途').fill('市场监管每日推送')
  await choose(page, dialog, 0, '高管名册')
  await dialog.locator('button[type=submit]').click()
  const key = (await page.innerText('[data-testid=made-key]')).trim()
  await street.send(key, 'exec_roster', rosters())
  await assert.rejects(
    street.send(key, 'ent_income', [{ ent_id: 'E1', month: '2020-02', income_cny: 1 }]),
    /403/
  )
  await page.getByRole('button', { name: '已保存好' }).click()
  await page.reload()
  await page.locator('.key-list', { hasText: '市场监管每日推送' }).waitFor()
  assert.ok(!(await page.content()).includes(key))
}

async function confirm(page, wanted) {
  const dialog = page.locator('.el-dialog:visible')
  assert.match(await dialog.innerText(), wanted)
  await dialog.locator('[data-action=confirm]').click()
  await dialog.waitFor({ state: 'hidden' })
}

export async function a_colleague_moves_office_gets_a_password_and_leaves({ street, open }) {
  street.addUser('chen', { role: 'office', office: 'safety', password: 'correct horse 76' })
  const page = await adminPage({ street, open })
  const colleague = await open()
  await signIn(colleague, street.url, 'chen', 'correct horse 76')
  const row = page.locator('tr[data-user=chen]')

  await row.locator('[data-action=edit-user]').click()
  const dialog = page.locator('.el-dialog:visible')
  await dialog.getByLabel('姓名').fill('陈静')
  await choose(page, dialog, 1, '区域发展办')
  await dialog.getByLabel('新密码').fill('correct horse 77')
  await dialog.locator('button[type=submit]').click()
  await dialog.waitFor({ state: 'hidden' })
  assert.match(await row.innerText(), /陈静[\s\S]*区域发展办/)
  await colleague.waitForURL(/login/) // signed out without a click
  await signIn(colleague, street.url, 'chen', 'correct horse 77')
  assert.match(await colleague.innerText('.top-bar'), /陈静[\s\S]*区域发展办/)

  await row.locator('[data-action=toggle-user]').click()
  await confirm(page, /陈静 将不能再登录/)
  await row.locator('.off-mark').waitFor()
  await colleague.waitForURL(/login/)
  await row.locator('[data-action=toggle-user]').click()
  await confirm(page, /可以用原来的密码/)
  await row.locator('.off-mark').waitFor({ state: 'detached' })

  await page.locator('tr[data-user=root] [data-action=toggle-user]').click()
  const own = page.locator('.el-dialog:visible')
  await own.locator('[data-action=confirm]').click()
  assert.match(await own.locator('[role=alert]').innerText(), /最后一个/)
}

export async function a_revoked_key_is_refused_and_shown_as_such({ street, open }) {
  const key = street.addKey('exec_roster')
  street.addUser('root', { role: 'admin', password: 'correct horse 70' })
  await street.start()
  const page = await open(PHONE)
  await signIn(page, street.url, 'root', 'correct horse 70', '/admin')
  await street.send(key, 'exec_roster', rosters())
  await page.locator('[data-action=revoke-key]').click()
  await confirm(page, /立即失效[\s\S]*不能恢复/)
  await page.locator('.key-list .off-mark').waitFor()
  assert.equal(await page.locator('[data-action=revoke-key]').count(), 0)
  await assert.rejects(street.send(key, 'exec_roster', rosters()), /401/)
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(width <= 390, `${width} px wide`)
}
