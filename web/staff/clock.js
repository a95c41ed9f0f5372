// The street's clock as the page shows it. It may stand still (drill, demo): then "now" is where
// the server says it stands, and every event that arrives may show that it has moved on.
import { computed, reactive, ref } from 'vue'

export const clock = reactive({ held: false })
export const now = ref(Date.now()) // refreshed often enough for "12 minutes left"
/** The minute of now; for what need not be drawn anew more often. */
export const minute = computed(() => Math.floor(now.value / 60000))
let ahead = 0 // server time minus ours

function tick() {
  if (!clock.held) now.value = Date.now() + ahead
}
setInterval(tick, 10000)

/** Takes {now, held} from /me or /clock. */
export function setClock(from) {
  const at = Date.parse(from.now)
  clock.held = Boolean(from.held)
  ahead = at - Date.now()
  now.value = at
}

let seen = 0
let seenTimer = 0

function takeSeen() {
  seenTimer = 0
  if (clock.held && seen > now.value) now.value = seen
}

/** An event carries its time; a held clock has moved at least that far. */
export function seenTime(iso) {
  if (!clock.held) return
  seen = Math.max(seen, Date.parse(iso))
  // every time on the page is drawn anew: not too often
  seenTimer = seenTimer || setTimeout(takeSeen, 300)
}
