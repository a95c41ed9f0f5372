// The bundle carries other people's work: their licence texts ship beside it as licenses.txt.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

// …/node_modules/@scope/name/es/x.mjs → …/node_modules/@scope/name
function packageOf(id) {
  const at = id.lastIndexOf('/node_modules/')
  if (at < 0 || id.startsWith('\0')) return null
  const [first, second] = id.slice(at + 14).split('/')
  return id.slice(0, at + 14) + (first.startsWith('@') ? `${first}/${second}` : first)
}

function textOf(folder) {
  const { name, version, license } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8')
  )
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one))
  const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `License: ${license}`
  return `${name} ${version} (${license})\n\n${text}\n`
}

export function licenses() {
  return {
    name: 'licenses',
    generateBundle(options, bundle) {
      const folders = new Set()
      for (const chunk of Object.values(bundle)) {
        for (const id of Object.keys(chunk.modules || {})) {
          const folder = packageOf(id)
          if (folder && existsSync(join(folder, 'package.json'))) folders.add(folder)
        }
      }
      const source = [...folders]
        .sort()
        .map(textOf)
        .join(`\n${'-'.repeat(78)}\n\n`)
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source })
    }
  }
}
