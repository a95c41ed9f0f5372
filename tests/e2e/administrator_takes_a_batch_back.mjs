import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signIn } from './lib/browser.mjs'

const SCRIPT = `--- 名册人数：只为这个测试。
return {
  title = "名册人数", office = "regional_dev", reads = { "exec_roster" },
  on = { exec_roster = function(row, ctx)
    if ctx:check("名册人数", #row.members, ">", 1) then
      ctx:alert { key = row.ent_id, level = "blue", title = row.ent_id .. " 名册人数多" }
    end
  end },
  examples = {
    { name = "两人触发", given = { { "exec_roster", { ent_id = "E1", as_of = "2020-07-01", members = { "director:p1", "director:p2" } } } },
      at = "2020-07-02T09:00:00+08:00", expect = { { key = "E1", level = "blue" } } },
    { name = "一人不触发", given = { { "exec_roster", { ent_id = "E1", as_of = "2020-07-01", members = { "director:p1" } } } },
      at = "2020-07-02T09:00:00+08:00", expect = {} },
  },
}
`

export async function from_an_alert_to_its_row_and_the_whole_batch_back({ street, open }) {
  const folder = await mkdtemp(join(tmpdir(), 'wangyi-scenarios-'))
  await writeFile(join(folder, 'roster_size.lua'), SCRIPT)
  street.addUser('root', { role: 'admin', password: 'correct horse 70' })
  const key = street.addKey('exec_roster')
  await street.start('--scenarios', folder)
  const page = await open()
  await signIn(page, street.url, 'root', 'correct horse 70', '/alerts')
  const members = ['director:p1', 'director:p2']
  await street.send(key, 'exec_roster', [
    { ent_id: 'E1', as_of: '2020-07-01', members },
    { ent_id: 'E2', as_of: '2020-07-01', members }
  ])
  await page.click('text=E1 名册人数多') // one click to the alert, one more to its row
  await page.click('.source-records a, a[href*="/exec_roster/"]')
  await page.waitForSelector('text=它参与触发的预警')
  assert.match(await page.innerText('.record-view'), /这条数据来自批次[\s\S]*E1 名册人数多/)
  await page.click('[data-action=withdraw-batch]')
  await page.fill('[role=dialog] textarea', '名册送错了')
  await page.click('[data-action=confirm]')
  await page.waitForSelector('text=这一批已由 root 撤回：名册送错了')
  await page.waitForSelector('text=这条记录已撤回')
  await page.reload()
  await page.waitForSelector('.state-tag.retracted')
  await rm(folder, { recursive: true, force: true })
}
