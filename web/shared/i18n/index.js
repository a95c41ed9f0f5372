// The language of the page. Chinese is part of the first load; English is fetched when chosen.
import { ref, shallowRef } from 'vue'
import zh from './zh.js'

const STORED = 'wangyi.locale'

export const locale = ref('zh')
const words = shallowRef(zh)

/** The text for key, with {name} places filled from values. A missing key shows itself. */
export function t(key, values) {
  const text = words.value[key] ?? zh[key] ?? key
  return values ? text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all) : text
}

/** Whether the language in use has a text for key. */
export function has(key) {
  return key in words.value
}

/** The text for an id the server may add to (levels, states …): ours, else the name it gave. */
export function nameOf(prefix, id, given) {
  return has(`${prefix}.${id}`) ? t(`${prefix}.${id}`) : given || id
}

export async function setLocale(name) {
  words.value = name === 'en' ? (await import('./en.js')).default : zh
  locale.value = name
  document.documentElement.lang = name === 'en' ? 'en' : 'zh-CN'
  try {
    localStorage.setItem(STORED, name)
  } catch {
    // a browser that keeps nothing still shows the chosen language until it is closed
  }
}

export function storedLocale() {
  try {
    return localStorage.getItem(STORED) === 'en' ? 'en' : 'zh'
  } catch {
    return 'zh'
  }
}
