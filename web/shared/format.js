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

/** 2020-07-01 14:32, from an RFC 3339 text or from milliseconds. */
export function dateTime(time) {
  const ms = msOf(time)
  if (Number.isNaN(ms)) return time || ''
  const p = partsOf(ms)
  return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}`
}

/** Without what the reader knows: 14:32 today, 07-01 14:32 this year, else in full. */
export function shortTime(iso, nowMs) {
  const ms = Date.parse(iso)
  if (Number.isNaN(ms)) return iso || ''
  const p = partsOf(ms)
  const now = partsOf(nowMs)
  const time = `${p.hour}:${p.minute}`
  if (p.year !== now.year) return `${p.year}-${p.month}-${p.day} ${time}`
  if (p.month !== now.month || p.day !== now.day) return `${p.month}-${p.day} ${time}`
  return time
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

function choiceName(choices, value) {
  const found = choices?.find((c) => c && typeof c === 'object' && (c.id ?? c.value) === value)
  return found ? found.label || found.name : undefined
}

/** One field of a record; names for ids come from `names` (offices and communities). */
export function fieldValue(field, value, names = {}) {
  if (value === null || value === undefined || value === '') return t('value.none')
  if (Array.isArray(value)) {
    return value
      .map((one) => fieldValue({ ...field, unit: '' }, one, names))
      .join(t('list.comma'))
  }
  const chosen = choiceName(field.choices, value)
  if (chosen) return chosen
  if (typeof value === 'string' && names[value] && /community|office/.test(field.name || '')) {
    return names[value]
  }
  if (/^(datetime|dt)$/.test(field.type || '') || /T\d\d:\d\d:\d\d[+Z]/.test(value)) {
    return dateTime(value)
  }
  const text = plain(value)
  return field.unit ? `${text} ${field.unit}` : text
}
