// The only place that calls fetch. Each function is one route; a failure is an ApiError whose
// sentence tells the reader what to do. What goes over the websocket is in socket.js.
import { t, locale } from './i18n/index.js'

const BASE = '/api/v1'
const TIMEOUT_MS = 20000

export class ApiError extends Error {
  constructor({ status = 0, code = '', detail = '', title = '', errors = [], retryAfter = 0 }) {
    super(detail || title || code)
    Object.assign(this, { status, code, detail, title, errors, retryAfter })
  }
}

let onSignedOut = () => {}

/** Calls fn whenever an answer says that the session has ended. */
export function whenSignedOut(fn) {
  onSignedOut = fn
}

/** A fresh id for one act, so that a repeated request is not carried out twice. */
export function newActId() {
  // crypto.randomUUID is missing on plain http addresses other than localhost
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}

function queryString(query) {
  const q = new URLSearchParams()
  for (const [name, value] of Object.entries(query || {})) {
    if (value !== undefined && value !== null && value !== '') q.set(name, value)
  }
  const s = q.toString()
  return s ? '?' + s : ''
}

async function problemOf(response) {
  const retryAfter = Number(response.headers.get('Retry-After')) || 0
  let body = {}
  try {
    body = await response.json()
  } catch {
    // a proxy in between may answer without JSON; the status alone has to do
  }
  return new ApiError({ ...body, status: response.status, retryAfter })
}

async function request(method, path, { query, body, headers, ignoreSession, actId } = {}) {
  const changing = method !== 'GET'
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS)
  const all = { Accept: 'application/json', ...headers }
  if (changing) all['X-Wangyi'] = '1'
  if (method === 'POST') all['Idempotency-Key'] = actId || newActId()
  if (body !== undefined) all['Content-Type'] = 'application/json'
  try {
    const response = await fetch(BASE + path + queryString(query), {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      signal: abort.signal
    })
    if (!response.ok) {
      const problem = await problemOf(response)
      if (problem.status === 401 && !ignoreSession) onSignedOut()
      throw problem
    }
    return response.status === 204 ? null : await response.json()
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError({ code: error.name === 'AbortError' ? 'timeout' : 'offline' })
  } finally {
    clearTimeout(timer)
  }
}

const enc = encodeURIComponent
const get = (path, query) => request('GET', path, { query })
const post = (path, body, more) => request('POST', path, { body, ...more })

export const api = {
  signIn: (name, password) => post('/session', { name, password }, { ignoreSession: true }),
  signOut: () => request('DELETE', '/session', { ignoreSession: true }),
  me: () => request('GET', '/me', { ignoreSession: true }),
  org: () => get('/org'),
  types: () => get('/types'),
  datasets: () => get('/datasets'),

  alerts: (query) => get('/alerts', query),
  alert: (id) => get('/alerts/' + enc(id)),
  actOnAlert: (id, data, actId) => post(`/alerts/${enc(id)}/actions`, data, { actId }),

  records: (type, query) => get('/records/' + enc(type), query),
  record: (type, key) => get(`/records/${enc(type)}/${enc(key)}`),
  recordAlerts: (type, key) => get(`/records/${enc(type)}/${enc(key)}/alerts`),
  withdrawBatch: (id, reason) =>
    request('POST', `/batches/${enc(id)}/withdraw`, { body: { reason } }),
  recordHistory: (type, key, query) => get(`/records/${enc(type)}/${enc(key)}/history`, query),

  scenarios: (query) => get('/scenarios', query),
  scenario: (id) => get('/scenarios/' + enc(id)),
  scenarioVersions: (id) => get(`/scenarios/${enc(id)}/versions`),
  changeSettings: (id, data) =>
    request('PATCH', `/scenarios/${enc(id)}/settings`, { body: data }),
  pauseScenario: (id, reason) => post(`/scenarios/${enc(id)}/pause`, { reason }),
  resumeScenario: (id, data) => post(`/scenarios/${enc(id)}/resume`, data),
  reload: () => post('/reload', {}),

  users: () => get('/users'),
  addUser: (user) => post('/users', user),
  changeUser: (name, data, rev) =>
    request('PATCH', '/users/' + enc(name), { body: data, headers: { 'If-Match': `"${rev}"` } }),
  keys: () => get('/keys'),
  addKey: (key) => post('/keys', key),
  revokeKey: (id) => request('DELETE', '/keys/' + enc(id)),

  clock: () => get('/clock'),
  moveClock: (to) => post('/clock', { to })
}

/** Every item of a list route, page after page; for lists that are short by nature. */
export async function allItems(route) {
  const items = []
  let after
  do {
    const page = await route({ limit: 200, after })
    items.push(...page.items)
    after = page.next
  } while (after)
  return items
}

/**
 * One sentence for the reader. The server's own sentence is Chinese and more exact than ours, so
 * Chinese readers get that one; readers of English get ours, with the server's behind it.
 */
export function sentenceOf(error) {
  if (!(error instanceof ApiError))
    return t('error.page', { text: String(error?.message || error) })
  if (error.code === 'offline' || error.code === 'timeout' || error.code === 'uncertain') {
    return t('error.' + error.code)
  }
  if (error.status === 429)
    return t('error.429', { n: Math.max(1, Math.ceil(error.retryAfter / 60)) })
  if (locale.value === 'zh' && error.detail) return error.detail
  const known = [400, 401, 403, 404, 409, 412, 413, 422, 503, 507].includes(error.status)
  const ours = t(known ? 'error.' + error.status : 'error.other', { n: error.status })
  return error.detail ? `${ours} (${error.detail})` : ours
}
