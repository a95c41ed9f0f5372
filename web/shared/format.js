// Times, spans and values as people read them. Everything is street time (UTC+8).
import { t, locale } from './i18n/index.js'

const clockParts = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'Asia/Shanghai',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23'
})

function partsOf(ms) {
  const parts = {}
  for (const { type, value } of clockParts.formatToParts(ms)) parts[type] = value
  return parts
}

const msOf = (time) => (typeof time === 'number' ? time : Date.parse(time))

const chinese = () => locale.value !== 'en'
const dayOf = (year, month, day) =>
  chinese() ? `${year}年${Number(month)}月${Number(day)}日` : `${year}-${month}-${day}`

/** 2020年7月1日 14:32 (English: 2020-07-01 14:32), from an RFC 3339 text or from milliseconds. */
export function dateTime(time) {
  const ms = msOf(time)
  if (Number.isNaN(ms)) return time || ''
  const p = partsOf(ms)
  return `${dayOf(p.year, p.month, p.day)} ${p.hour}:${p.minute}`
}

/** Without what the reader knows: 14:32 today, 7月1日 14:32 this year, else in full. */
export function shortTime(iso, nowMs) {
  const ms = Date.parse(iso)
  if (Number.isNaN(ms)) return iso || ''
  const p = partsOf(ms)
  const now = partsOf(nowMs)
  const time = `${p.hour}:${p.minute}`
  if (p.year !== now.year) return dateTime(ms)
  if (p.month === now.month && p.day === now.day) return time
  return chinese()
    ? `${Number(p.month)}月${Number(p.day)}日 ${time}`
    : `${p.month}-${p.day} ${time}`
}

/** A day or a month as records hold them: 2020-07-01 → 2020年7月1日, 2020-07 → 2020年7月. */
function dayOrMonth(text) {
  const [, year, month, day] = /^(\d{4})-(\d\d)(?:-(\d\d))?$/.exec(text) || []
  if (!year) return text
  if (day) return dayOf(year, month, day)
  return chinese() ? `${year}年${Number(month)}月` : text
}

/** 2020-07-01T14:32, what <input type="datetime-local"> wants. */
export function inputTime(ms) {
  const p = partsOf(ms)
  return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}`
}

/** The street's time zone put on what a datetime-local input gave. */
export function fromInputTime(text) {
  return (text.length === 16 ? text + ':00' : text) + '+08:00'
}

/** The two largest units: 3 天 4 小时, 12 分钟. */
export function span(ms) {
  const minutes = Math.floor(Math.abs(ms) / 60000)
  const d = Math.floor(minutes / 1440)
  const h = Math.floor((minutes % 1440) / 60)
  const m = minutes % 60
  if (d) return h ? t('span.dh', { d, h }) : t('span.d', { d })
  if (h) return m ? t('span.hm', { h, m }) : t('span.h', { h })
  return minutes ? t('span.m', { m }) : t('span.now')
}

export function number(n) {
  return new Intl.NumberFormat(locale.value === 'en' ? 'en' : 'zh-CN', {
    maximumFractionDigits: 6
  }).format(n)
}

/** A limit or a measured value that a script put into a check; it may be anything plain. */
export function plain(value) {
  if (value === null || value === undefined || value === '') return t('value.none')
  if (typeof value === 'boolean') return t(value ? 'value.yes' : 'value.no')
  if (typeof value === 'number') return number(value)
  if (Array.isArray(value)) return value.map(plain).join(t('list.comma'))
  if (typeof value === 'object') return JSON.stringify(value)
  return String(value)
}

/** A value of a scenario's setting: a code by its words, a number with its unit. */
export function settingText(setting, value) {
  if (value === null || value === undefined) return t('setting.unset')
  const words = setting.choice_labels?.[setting.choices.indexOf(value)]
  if (words) return words
  return setting.unit ? `${plain(value)} ${setting.unit}` : plain(value)
}

const PLACES = /community|office|subdistrict/ // fields that hold ids of these

/**
 * One field of a record. A code is shown by its words: those kept with the value (field.text),
 * else the dictionary's; ids of offices, communities and subdistricts come from `names`.
 */
export function fieldValue(field, value, names = {}) {
  if (value === null || value === undefined || value === '') return t('value.none')
  if (Array.isArray(value)) {
    return value
      .map((one) => fieldValue({ ...field, unit: '' }, one, names))
      .join(t('list.comma'))
  }
  if (field.text) return field.text
  const at = field.choices?.indexOf(value) ?? -1
  if (at >= 0) return field.choice_labels?.[at] || value
  if (typeof value !== 'string') {
    const text = plain(value)
    return field.unit ? `${text} ${field.unit}` : text
  }
  if (names[value] && PLACES.test(field.name || '')) return names[value]
  if (/T\d\d:\d\d:\d\d[.+Z]/.test(value)) return dateTime(value)
  return dayOrMonth(value)
}

/** The parts of a record's `|`-joined key as people read them. */
export function keyText(key, names = {}) {
  return String(key)
    .split('|')
    .map((part) => names[part] || fieldValue({}, part))
    .join(' · ')
}

/** A sentence of the server with names in the place of quoted ids: “330105003” → “小河街道”. */
export function withNames(sentence, names) {
  return sentence.replace(/“(\w+)”/g, (all, id) => (names[id] ? `“${names[id]}”` : all))
}
