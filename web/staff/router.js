// Addresses of the pages. A page is shown only to somebody who is signed in; the way there is
// remembered across the sign-in. All pages are in the first load, so that none is missing when
// the connection is.
import { createRouter, createWebHistory } from 'vue-router'
import { ApiError } from '../shared/api.js'
import { loadSession, session, whenSessionEnds } from './session.js'
import AdminView from './views/admin_view.vue'
import AlertView from './views/alert_view.vue'
import AlertsView from './views/alerts_view.vue'
import DataView from './views/data_view.vue'
import MissingView from './views/missing_view.vue'
import RecordView from './views/record_view.vue'
import ScenarioView from './views/scenario_view.vue'
import ScenariosView from './views/scenarios_view.vue'
import SignInView from './views/sign_in_view.vue'
import TypeView from './views/type_view.vue'
import UnreachableView from './views/unreachable_view.vue'

const routes = [
  { path: '/', redirect: '/alerts' },
  {
    path: '/login',
    name: 'login',
    component: SignInView,
    meta: { title: 'login.title', open: true }
  },
  {
    path: '/unreachable',
    name: 'unreachable',
    component: UnreachableView,
    meta: { title: 'unreachable.title', open: true }
  },
  { path: '/alerts', name: 'alerts', component: AlertsView, meta: { title: 'alerts.title' } },
  {
    path: '/alerts/:id',
    name: 'alert',
    props: true,
    meta: { title: 'alert.title', tab: 'alerts' },
    component: AlertView
  },
  {
    path: '/scenarios',
    name: 'scenarios',
    meta: { title: 'scenarios.title' },
    component: ScenariosView
  },
  {
    path: '/scenarios/:id',
    name: 'scenario',
    props: true,
    meta: { title: 'scenario.title', tab: 'scenarios' },
    component: ScenarioView
  },
  { path: '/data', name: 'data', meta: { title: 'data.title' }, component: DataView },
  {
    path: '/data/:type',
    name: 'type',
    props: true,
    meta: { title: 'data.title', tab: 'data' },
    component: TypeView
  },
  {
    path: '/data/:type/:recordKey',
    name: 'record',
    props: true,
    meta: { title: 'record.title', tab: 'data' },
    component: RecordView
  },
  {
    path: '/admin',
    name: 'admin',
    meta: { title: 'admin.title', roles: ['admin'] },
    component: AdminView
  },
  {
    path: '/:rest(.*)*',
    name: 'missing',
    meta: { title: 'missing.title' },
    component: MissingView
  }
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, from, saved) => saved || (to.path === from.path ? undefined : { top: 0 })
})

router.beforeEach(async (to) => {
  if (to.meta.open || session.me) return true
  try {
    await loadSession()
    return true
  } catch (error) {
    const gone = error instanceof ApiError && error.status === 401
    return { name: gone ? 'login' : 'unreachable', query: { next: to.fullPath } }
  }
})

whenSessionEnds(() => {
  router.push({ name: 'login', query: { next: router.currentRoute.value.fullPath } })
})
