// Builds the staff application. The server's CSP allows nothing inline and no foreign host, so
// no asset may become a data: URL in a style sheet and no polyfill may be written into the page.
import { defineConfig } from 'vite'
import vue from '@vitejs/plugin-vue'
import { licenses } from './licenses.js'

export default defineConfig({
  root: 'staff',
  publicDir: '../public',
  plugins: [vue(), licenses()],
  define: {
    __VUE_OPTIONS_API__: 'true', // Element Plus needs it
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false'
  },
  resolve: {
    alias: { vue: 'vue/dist/vue.runtime.esm-bundler.js' }
  },
  build: {
    outDir: '../../build/web/staff',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    rollupOptions: {
      output: {
        manualChunks(id) {
          if (id.includes('element-plus') || id.includes('@popperjs')) return 'element'
          if (id.includes('node_modules')) return 'vue'
        }
      }
    }
  }
})
