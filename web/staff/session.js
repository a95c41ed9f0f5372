// Who is signed in, what that person may do, and the names of the street's offices and
// communities: loaded once, used by every page.
import { computed, reactive } from 'vue'
import { api, whenSignedOut } from '../shared/api.js'
import { setClock } from './clock.js'
import { live } from './live.js'

export const session = reactive({ me: null, org: null, endedEarly: false })

function asNames(list) {
  return Object.fromEntries((list || []).map((item) => [item.id, item.name]))
}

/** id → name of offices, communities and subdistricts together; the ids differ in all three. */
export const names = computed(() => ({
  ...session.org?.subdistricts,
  ...asNames(session.org?.communities),
  ...asNames(session.org?.offices)
}))

/** Loads the person and the street; throws ApiError 401 when nobody is signed in. */
export async function loadSession() {
  const me = await api.me()
  const org = await api.org()
  setClock(me.clock)
  Object.assign(session, { me, org, endedEarly: false })
  live.connect()
}

export async function signIn(name, password) {
  await api.signIn(name, password)
  await loadSession()
}

function forget() {
  live.disconnect()
  session.me = null
}

export async function signOut() {
  try {
    await api.signOut()
  } finally {
    forget()
  }
}

let goToSignIn = () => {}

/** fn is called when the server has ended the session of somebody who was signed in. */
export function whenSessionEnds(fn) {
  goToSignIn = fn
}

function ended() {
  if (!session.me) return
  forget()
  session.endedEarly = true
  goToSignIn()
}
whenSignedOut(ended)
live.whenSignedOut(ended)

export const isAdmin = computed(() => session.me?.role === 'admin')

/** Whether this person may change the scenarios of an office; the server decides in the end. */
export function mayEdit(office) {
  const me = session.me
  if (!me) return false
  const offices = me.offices?.length ? me.offices : [me.office]
  return me.role === 'admin' || (me.role === 'editor' && offices.includes(office))
}
