import assert from 'node:assert/strict'
import { fillSignIn } from './lib/browser.mjs'

const MANY = 15

async function signInPage({ street, open }) {
  street.addUser('chen', {
    role: 'office',
    office: 'regional_dev',
    password: 'correct horse 71'
  })
  await street.start()
  const page = await open()
  await page.goto(street.url + '/alerts?level=red')
  await page.waitForSelector('input[name=username]')
  return page
}

const refusal = (page) => page.innerText('.sign-in [role=alert]')

export async function a_wrong_password_is_explained_and_the_right_one_leads_on({
  street,
  open
}) {
  const page = await signInPage({ street, open })
  await fillSignIn(page, '', '')
  await page.waitForSelector('.sign-in [role=alert]')
  assert.match(await refusal(page), /请填写/)
  await fillSignIn(page, 'chen', 'wrong')
  await page.waitForFunction(() =>
    /不对/.test(document.querySelector('.sign-in [role=alert]')?.textContent)
  )
  assert.match(await refusal(page), /检查大小写.*管理员/)
  assert.equal(await page.inputValue('input[name=password]'), '')
  await fillSignIn(page, 'chen', 'correct horse 71')
  await page.waitForSelector('.connection.connected')
  assert.match(page.url(), /\/alerts\?level=red$/)
}

export async function too_many_wrong_passwords_say_how_long_to_wait({ street, open }) {
  const page = await signInPage({ street, open })
  for (let n = 0; n < MANY; n++) {
    await fillSignIn(page, 'chen', `wrong ${n}`)
    await page.waitForFunction(() => {
      const text = document.querySelector('.sign-in [role=alert]')?.textContent || ''
      return text && !document.querySelector('.sign-in .is-loading')
    })
    if (/分钟/.test(await refusal(page))) break
  }
  assert.match(await refusal(page), /锁定。请 \d+ 分钟后再试/)
}

export async function no_server_is_told_from_a_wrong_password({ street, open }) {
  const page = await signInPage({ street, open })
  await street.kill()
  await fillSignIn(page, 'chen', 'correct horse 71')
  await page.waitForSelector('.sign-in [role=alert]')
  assert.match(await refusal(page), /连接不上服务器/)
}
