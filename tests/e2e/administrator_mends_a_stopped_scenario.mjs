import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rowOf, signIn } from './lib/browser.mjs'

// Fails at line 8 for a roster without members, as nobody foresaw one.
const SCRIPT = `--- 名册人数：只为这个测试。
return {
  title  = "名册人数",
  office = "regional_dev",
  reads  = { "exec_roster" },
  on = {
    exec_roster = function(row, ctx)
      local n = #row.members
      if ctx:check("名册人数", n, ">", 1) then
        ctx:alert { key = row.ent_id, kind = "many", level = "blue", about = { "enterprise", row.ent_id },
                    title = row.ent_id .. " 名册" .. n .. "人" }
      end
    end,
  },
  examples = {
    { name = "两人触发", given = { { "exec_roster", { ent_id = "E1", as_of = "2020-07-01", members = { "director:p1", "director:p2" } } } },
      at = "2020-07-02T09:00:00+08:00", expect = { { key = "E1", level = "blue" } } },
    { name = "一人不触发", given = { { "exec_roster", { ent_id = "E1", as_of = "2020-07-01", members = { "director:p1" } } } },
      at = "2020-07-02T09:00:00+08:00", expect = {} },
  },
}
`
const roster = (ent_id, members) => ({
  ent_id,
  as_of: '2020-07-01',
  ...(members && { members })
})
const TWO = ['director:p1', 'director:p2']

async function stoppedStreet({ street, open }, script = SCRIPT) {
  const folder = await mkdtemp(join(tmpdir(), 'wangyi-scenarios-'))
  await writeFile(join(folder, 'roster_size.lua'), script)
  street.addUser('root', { role: 'admin', password: 'correct horse 70' })
  const key = street.addKey('exec_roster')
  await street.start('--scenarios', folder)
  const page = await open()
  await signIn(page, street.url, 'root', 'correct horse 70', '/scenarios/roster_size')
  await page.waitForSelector('.state-tag.running')
  await street.send(key, 'exec_roster', [roster('E1'), roster('E2', TWO)])
  await page.waitForSelector('.state-tag.stopped')
  return { page, folder }
}

export async function a_fault_shows_its_line_and_skipping_the_record_catches_up({
  street,
  open
}) {
  const { page, folder } = await stoppedStreet({ street, open })
  assert.match(await page.innerText('.run-state'), /第 8 行出错[\s\S]*E1 · 2020年7月1日/)
  assert.match(await page.innerText('.script-text .at-fault'), /#row\.members/)
  await page.click('[data-action=skip]')
  await page.fill('[role=dialog] textarea', '名册没有成员，已请来源科室更正')
  await page.click('[role=dialog] button[type=submit]')
  await page.waitForSelector('.state-tag.running')
  await page.goto(street.url + '/alerts')
  await rowOf(page, 'E2 名册2人').waitFor()
  await rm(folder, { recursive: true })
}

export async function a_mended_file_is_reloaded_and_nothing_was_skipped({ street, open }) {
  const { page, folder } = await stoppedStreet({ street, open })
  const file = join(folder, 'roster_size.lua')
  await page.goto(street.url + '/scenarios')
  await page.waitForSelector('[data-scenario=roster_size] .state-tag.stopped')

  await writeFile(file, SCRIPT.replace('local n = #row.members', 'local n = ('))
  await page.click('[data-action=reload]')
  await page.waitForSelector('.reload-result.bad')
  assert.match(await page.innerText('.reload-result'), /roster_size.*第 \d+ 行/)

  await writeFile(file, SCRIPT.replace('#row.members', '#(row.members or {})'))
  await page.click('[data-action=reload]')
  await page.waitForSelector('.reload-result.good')
  await page.waitForSelector('[data-scenario=roster_size] .state-tag.running')
  await page.goto(street.url + '/alerts')
  await rowOf(page, 'E2 名册2人').waitFor()
  await rm(folder, { recursive: true })
}
