// What clerks read in the place of codes, keys and times.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dateTime, fieldValue, keyText, settingText, shortTime, withNames } from '../shared/format.js'

const status = {
  name: 'reg_status',
  type: 'enum',
  choices: ['active', 'moved_out'],
  choice_labels: ['存续', '迁出']
}
const NAMES = { 330105003: '小河街道', xiaohe: '小河社区' }
const NOW = Date.parse('2020-07-01T12:00:00+08:00')

test('a code is shown by its words', () => {
  assert.equal(fieldValue(status, 'moved_out'), '迁出')
  assert.equal(fieldValue({ name: 'reg_status', text: '存续' }, 'active'), '存续')
  assert.equal(fieldValue({ ...status, choice_labels: undefined }, 'active'), 'active')
})

test('a setting is shown by its words, or with its unit', () => {
  const basis = { choices: ['ytd', 'month'], choice_labels: ['今年累计', '当月'] }
  assert.equal(settingText(basis, 'month'), '当月')
  assert.equal(settingText({ unit: '%' }, 15), '15 %')
  assert.equal(settingText({}, true), '是')
})

test('places are shown by their names where the field holds places', () => {
  assert.equal(
    fieldValue({ name: 'op_subdistrict', type: 'string' }, '330105003', NAMES),
    '小河街道'
  )
  assert.equal(
    fieldValue({ name: 'community_ids', type: 'strings' }, ['xiaohe', 'x'], NAMES),
    '小河社区、x'
  )
  assert.equal(fieldValue({ name: 'ent_id', type: 'string' }, 'xiaohe', NAMES), 'xiaohe')
})

test('values have their unit, days and months their form', () => {
  assert.equal(fieldValue({ name: 'tax_cny', type: 'number', unit: '元' }, 25351), '25,351 元')
  assert.equal(fieldValue({ name: 'due_on', type: 'date' }, '2020-07-01'), '2020年7月1日')
  assert.equal(fieldValue({ name: 'month', type: 'month' }, '2020-07'), '2020年7月')
  assert.equal(fieldValue({ name: 'id', type: 'string' }, 'BG0411-1'), 'BG0411-1')
  assert.equal(fieldValue({ name: 'open', type: 'boolean' }, false), '否')
  assert.equal(fieldValue({ name: 'note', type: 'string' }, null), '—')
})

test('times leave out what the reader knows', () => {
  assert.equal(dateTime('2020-07-01T09:05:00+08:00'), '2020年7月1日 09:05')
  assert.equal(shortTime('2020-07-01T09:05:00+08:00', NOW), '09:05')
  assert.equal(shortTime('2020-06-30T09:05:00+08:00', NOW), '6月30日 09:05')
  assert.equal(shortTime('2019-06-30T09:05:00+08:00', NOW), '2019年6月30日 09:05')
})

test('keys and sentences are read part by part', () => {
  assert.equal(keyText('E1|2020-07'), 'E1 · 2020年7月')
  assert.equal(
    withNames('实际经营地 “330105003”，不是 “330106001”', NAMES),
    '实际经营地 “小河街道”，不是 “330106001”'
  )
})
