// The street's clock as the page shows it. It may stand still (drill, demo): then "now" is where
// the server says it stands, and every event that arrives may show that it has moved on.
import { reactive, ref } from 'vue'

export const clock = reactive({ held: false })
export const now = ref(Date.now()) // refreshed often enough for "12 minutes left"
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

/** An event carries its time; a held clock has moved at least that far. */
export function seenTime(iso) {
  const at = Date.parse(iso)
  if (clock.held && at > now.value) now.value = at
}
