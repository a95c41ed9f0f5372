// The data dictionary, fetched once: labels and units for every record the pages show.
import { api, allItems } from '../shared/api.js'

let loading = null

/** Promise of Map id → type. A failed fetch is tried again by the next caller. */
export function recordTypes() {
  loading =
    loading || allItems(api.types).then((all) => new Map(all.map((one) => [one.id, one])))
  loading.catch(() => (loading = null))
  return loading
}

/** The `|`-joined key of a record as addresses use it. */
export function keyOf(type, record) {
  return type.key.map((name) => record[name]).join('|')
}
