// A scenario for tests: each ent_change record raises an alert of its own, for the office in `old_value` and
// the community in `new_community_id`; `new_value` "clear" closes it again.
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const TEXT = `--- 测试用：每条变更登记一条预警。
return {
  title = "测试探针",
  office = "regional_dev",
  reads = { "ent_change" },
  on = {
    ent_change = function(row, ctx)
      if row.new_value == "clear" then
        ctx:clear { key = row.change_id }
      else
        ctx:alert { key = row.change_id, kind = "probe", level = "yellow", office = row.old_value,
                    communities = { row.new_community_id }, about = { "ent_change", row.change_id },
                    title = "探针 " .. row.change_id }
      end
    end,
  },
  life = { probe = { close = "auto" } },
  examples = {
    { name = "触发",
      given = { { "ent_change", { change_id = "C1", ent_id = "91330105TEST000101", change_item = "name", old_value = "regional_dev",
                                  new_value = "raise", new_community_id = "xiaohe", changed_on = "2020-02-01" } } },
      at = "2020-02-01T09:00:00+08:00",
      expect = { { key = "C1", level = "yellow" } } },
    { name = "不触发",
      given = { { "ent_change", { change_id = "C1", ent_id = "91330105TEST000101", change_item = "name", old_value = "regional_dev",
                                  new_value = "clear", new_community_id = "xiaohe", changed_on = "2020-02-01" } } },
      at = "2020-02-01T09:00:00+08:00",
      expect = {} },
  },
}
`

/** A folder with that scenario in it. */
export async function probeFolder() {
  const dir = await mkdtemp(join(tmpdir(), 'wangyi-probe-'))
  await writeFile(join(dir, 'probe.lua'), TEXT)
  return dir
}

/** One record that raises (or clears) alert `id`. */
export function change(id, { office = 'regional_dev', community = 'xiaohe', value = 'raise' } = {}) {
  return {
    change_id: id,
    ent_id: '91330105TEST000101',
    change_item: 'name',
    old_value: office,
    new_value: value,
    new_community_id: community,
    changed_on: '2020-02-28'
  }
}
