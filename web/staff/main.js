import { createApp } from 'vue'
import 'element-plus/theme-chalk/base.css'
import '../shared/style/tokens.css'
import '../shared/style/base.css'
import '../shared/style/blocks.css'
import '../shared/style/element.css'
import { setLocale, storedLocale } from '../shared/i18n/index.js'
import App from './app.vue'
import { router } from './router.js'

await setLocale(storedLocale()).catch(() => {})
createApp(App).use(router).mount('#app')
