// One sentence at a time for screen readers; several within a moment become the latest one.
import { ref } from 'vue'

export const announcement = ref('')
let timer = 0

export function announce(text) {
  clearTimeout(timer)
  announcement.value = ''
  timer = setTimeout(() => (announcement.value = text), 100)
}
