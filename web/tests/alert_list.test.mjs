// Which alerts belong into a filtered list, and what an event does to it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAlertList, fits, isOpen } from '../staff/alert_list.js'

const alert = (id, more = {}) => ({
  id,
  level: 'yellow',
  state: 'new',
  office: 'regional_dev',
  communities: ['xiaohe'],
  scenario: 'ent_executive_change',
  raised_at: '2020-07-01T09:00:00+08:00',
  seq: 1,
  rev: 1,
  ...more
})

function answering(page) {
  globalThis.fetch = async () =>
    new Response(JSON.stringify(page), { headers: { 'Content-Type': 'application/json' } })
}

test('closed, false, duplicate and retracted alerts are not open', () => {
  for (const state of ['closed', 'false_alarm', 'duplicate', 'retracted']) {
    assert.equal(isOpen(alert('A', { state })), false, state)
  }
  for (const state of ['new', 'signed', 'handling', 'submitted', 'returned', 'extended']) {
    assert.equal(isOpen(alert('A', { state })), true, state)
  }
})

test('each filter narrows by its own field', () => {
  const one = alert('A')
  assert.ok(fits(one, { open: true }))
  assert.ok(fits(one, { level: 'yellow', community: 'xiaohe', office: 'regional_dev' }))
  assert.ok(!fits(one, { level: 'red' }))
  assert.ok(!fits(one, { community: 'dahulu' }))
  assert.ok(!fits(one, { scenario: 'camera_garbage' }))
  assert.ok(!fits({ ...one, state: 'closed' }, { open: true }))
})

const drawn = () => new Promise((done) => setTimeout(done, 200))

test('a new alert comes on top, is marked, and a repeated event does not double it', async () => {
  answering({ items: [alert('A')], next: null, counts: { yellow: 1 } })
  const arrived = []
  const list = createAlertList((alerts) => arrived.push(...alerts.map((one) => one.id)))
  await list.load({ open: true })
  const b = alert('B', { raised_at: '2020-07-01T10:00:00+08:00', seq: 2, rev: 2 })
  list.take(b)
  assert.deepEqual(
    list.items.value.map((one) => one.id),
    ['B', 'A']
  )
  list.take(b)
  await drawn()
  assert.deepEqual(
    list.items.value.map((one) => one.id),
    ['B', 'A']
  )
  assert.deepEqual(arrived, ['B'])
  assert.ok(list.fresh.has('B'))
})

test('a burst becomes few drawings and loses nothing', async () => {
  answering({ items: [], next: null, counts: {} })
  const batches = []
  const list = createAlertList((alerts) => batches.push(alerts.length))
  await list.load({ open: true })
  for (let n = 0; n < 100; n++) list.take(alert(`N${n}`, { seq: n }))
  await drawn()
  assert.equal(list.items.value.length, 100)
  assert.deepEqual(batches, [1, 99])
})

test('a higher revision replaces a row, a lower one does not, a closed one leaves', async () => {
  answering({ items: [alert('A', { rev: 5 })], next: null, counts: {} })
  const list = createAlertList()
  await list.load({ open: true })
  list.take(alert('A', { rev: 4, state: 'handling' }))
  assert.equal(list.items.value[0].state, 'new')
  list.take(alert('A', { rev: 6, state: 'signed' }))
  await drawn()
  assert.equal(list.items.value[0].state, 'signed')
  list.take(alert('A', { rev: 7, state: 'closed' }))
  await drawn()
  assert.equal(list.items.value.length, 0)
})

test('an old alert that belongs to a page not yet loaded stays out', async () => {
  answering({ items: [alert('A')], next: 'more', counts: {} })
  const list = createAlertList()
  await list.load({ open: true })
  list.take(alert('OLD', { raised_at: '2020-06-01T09:00:00+08:00' }))
  assert.deepEqual(
    list.items.value.map((one) => one.id),
    ['A']
  )
})
