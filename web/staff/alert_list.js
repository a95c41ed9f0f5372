// The list of alerts behind a set of filters: loaded by pages, kept true by events. An event
// carries the whole alert; whichever has the higher revision is right.
import { computed, reactive, ref, shallowRef } from 'vue'
import { api } from '../shared/api.js'

const PAGE = 50
const DONE = new Set(['closed', 'false_alarm', 'duplicate', 'retracted'])
const MARK_MS = 8000
const COUNT_EVERY_MS = 1500
const DRAW_EVERY_MS = 150 // a burst of events becomes few changes of the page

export const LEVELS = ['red', 'orange', 'yellow', 'blue']
export const STATES = [
  'new',
  'signed',
  'handling',
  'submitted',
  'returned',
  'extended',
  ...DONE
]

export function isOpen(alert) {
  return !DONE.has(alert.state)
}

/** Whether an alert belongs into a list with these filters, as the server would decide it. */
export function fits(alert, f) {
  if (f.open && !isOpen(alert)) return false
  if (f.community && !(alert.communities || []).includes(f.community)) return false
  return ['level', 'state', 'office', 'scenario'].every(
    (name) => !f[name] || alert[name] === f[name]
  )
}

const newestFirst = (a, b) =>
  a.raised_at === b.raised_at
    ? b.seq - a.seq
    : Date.parse(b.raised_at) - Date.parse(a.raised_at)

/** onArrived(alerts) is told of rows that were not there before. */
export function createAlertList(onArrived = () => {}) {
  const items = shallowRef([])
  const counts = ref(null)
  const next = ref(null)
  const state = reactive({ loading: true, more: false, error: null })
  const fresh = reactive(new Set()) // ids of rows that are marked for a moment
  let filters = {}
  let turn = 0 // answers to questions nobody asks any more are dropped
  let countTimer = 0
  let waiting = [] // alerts of events that are not in the list yet
  let drawTimer = 0
  let drawnAt = 0

  function query(more) {
    const { open, ...rest } = filters
    return { ...rest, open: open ? 1 : undefined, ...more }
  }

  // Counts are for all levels, so that the reader sees what the level filter hides.
  async function countAnew() {
    countTimer = 0
    const mine = turn
    try {
      const page = await api.alerts(query({ level: undefined, limit: 1 }))
      if (mine === turn) counts.value = page.counts || {}
    } catch {
      // the next event counts again
    }
  }

  function countSoon() {
    countTimer = countTimer || setTimeout(countAnew, COUNT_EVERY_MS)
  }

  async function load(wanted) {
    if (wanted) filters = { ...wanted }
    const mine = ++turn
    state.loading = !items.value.length || Boolean(wanted)
    state.error = null
    try {
      const page = await api.alerts(query({ limit: PAGE }))
      if (mine !== turn) return
      items.value = page.items
      next.value = page.next || null
      counts.value = page.counts || {}
      if (filters.level) await countAnew()
    } catch (error) {
      if (mine !== turn) return
      state.error = error
      counts.value = null
    } finally {
      if (mine === turn) state.loading = false
    }
  }

  async function loadMore() {
    const mine = turn
    state.more = true
    try {
      const page = await api.alerts(query({ limit: PAGE, after: next.value }))
      if (mine !== turn) return
      const known = new Set(items.value.map((one) => one.id))
      items.value = items.value.concat(page.items.filter((one) => !known.has(one.id)))
      next.value = page.next || null
    } catch (error) {
      if (mine === turn) state.error = error
    } finally {
      state.more = false
    }
  }

  function mark(id) {
    fresh.add(id)
    setTimeout(() => fresh.delete(id), MARK_MS)
  }

  // → the rows with this alert put in, replaced or taken out.
  function withAlert(rows, alert) {
    const known = rows.find((one) => one.id === alert.id)
    if (known && known.rev > alert.rev) return rows
    const rest = known ? rows.filter((one) => one !== known) : rows
    if (!fits(alert, filters)) return rest
    // Older than the last row shown: it belongs to a page that has not been asked for yet.
    const last = rest[rest.length - 1]
    if (!known && next.value && last && newestFirst(last, alert) < 0) return rest
    return [...rest, alert]
  }

  function draw() {
    drawTimer = 0
    drawnAt = Date.now()
    const before = new Set(items.value.map((one) => one.id))
    const rows = waiting.reduce(withAlert, items.value)
    const arrived = waiting.filter((one) => !before.has(one.id) && rows.includes(one))
    waiting = []
    items.value = [...rows].sort(newestFirst)
    arrived.forEach((one) => mark(one.id))
    if (arrived.length) onArrived(arrived)
  }

  /** Takes the alert of an event: at once, or with the others of a burst. */
  function take(alert) {
    countSoon()
    waiting.push(alert)
    if (drawTimer) return
    const rest = drawnAt + DRAW_EVERY_MS - Date.now()
    if (rest <= 0) draw()
    else drawTimer = setTimeout(draw, rest)
  }

  const empty = computed(() => !state.loading && !state.error && !items.value.length)

  return { items, counts, next, state, fresh, empty, load, loadMore, take }
}
