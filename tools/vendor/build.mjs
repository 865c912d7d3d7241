// Copies the pinned browser files from node_modules into static/vendor, builds the icon sprite, writes the manifest.
// Run by hand when a version moves: npm ci && npm run build. The result is committed, so nobody else needs Node.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const site = join(here, '..', '..')
const vendor = join(site, 'static', 'vendor')
const modules = join(here, 'node_modules')

// Source maps are not shipped; a manifest storage would look for them.
const plain = text => text.replace(/\n?\/[/*]# sourceMappingURL=\S+(?: \*\/)?\s*$/, '\n')
// In a cascade layer everything in our own sheet wins, whatever its specificity.
const layered = text => `@layer tabler{${plain(text).replace('@charset "UTF-8";', '')}}\n`

const files = [
  ['@tabler/core', 'dist/css/tabler.min.css', 'tabler/tabler.min.css', layered],
  ['htmx.org', 'dist/htmx.min.js', 'htmx/htmx.min.js', plain],
  ['htmx.org', 'dist/ext/hx-sse.min.js', 'htmx/hx-sse.min.js', plain],
  ['htmx.org', 'LICENSE', 'htmx/LICENSE', null],
  ['sortablejs', 'Sortable.min.js', 'sortable/Sortable.min.js', plain],
  ['sortablejs', 'LICENSE', 'sortable/LICENSE', null],
  ['@fontsource-variable/inter', 'files/inter-latin-wght-normal.woff2', 'inter/inter-latin.woff2', null],
  ['@fontsource-variable/inter', 'files/inter-latin-ext-wght-normal.woff2', 'inter/inter-latin-ext.woff2', null],
  ['@fontsource-variable/inter', 'LICENSE', 'inter/LICENSE', null],
]

const describe = name => JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'))

function write(path, content) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

function entry(name, path) {
  const { version, license } = describe(name)
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
  return { name, version, licence: license, file: relative(join(site, 'static'), path), sha256 }
}

function copy([name, from, to, change]) {
  const source = join(modules, name, from)
  const target = join(vendor, to)
  write(target, change ? change(readFileSync(source, 'utf8')) : readFileSync(source))
  return entry(name, target)
}

function symbol(name) {
  const filled = name.endsWith('-filled')
  const file = filled ? `filled/${name.slice(0, -'-filled'.length)}.svg` : `outline/${name}.svg`
  const drawing = readFileSync(join(modules, '@tabler/icons/icons', file), 'utf8')
  const shapes = drawing.replace(/^[\s\S]*?<svg[^>]*>/, '').replace('</svg>', '')
    .replace(/\s*<path stroke="none" d="M0 0h24v24H0z" fill="none" \/>/, '').replace(/\s*\n\s*/g, '')
  const paint = filled ? 'fill="currentColor" stroke="none"' : 'fill="none" stroke="currentColor"'
  return `<symbol id="${name}" viewBox="0 0 24 24" ${paint} stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`
}

function sprite() {
  const names = readFileSync(join(here, 'icons.txt'), 'utf8').split('\n').filter(line => line && !line.startsWith('#'))
  const target = join(site, 'static', 'img', 'icons.svg')
  const notice = readFileSync(join(modules, '@tabler/icons/LICENSE'), 'utf8').trim()
  write(target, `<svg xmlns="http://www.w3.org/2000/svg">\n<!-- Tabler Icons\n${notice}\n-->\n${names.map(symbol).join('\n')}\n</svg>\n`)
  return entry('@tabler/icons', target)
}

// One file out of many packages: its licences stand beside it, and the manifest names every package in it.
async function bundle(entryPoint, to) {
  const target = join(vendor, to)
  const { metafile } = await build({
    entryPoints: [join(here, entryPoint)], outfile: target, bundle: true, format: 'esm', minify: true, target: 'es2022',
    legalComments: 'none', metafile: true, absWorkingDir: here,
  })
  const inside = Object.keys(metafile.inputs).filter(path => path.startsWith('node_modules/'))
  const names = [...new Set(inside.map(path => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)[1]))].sort()
  const licence = join(dirname(target), 'LICENSE')
  writeFileSync(licence, names.map(name => `${name}\n\n${licenceOf(name)}`).join('\n\n'))
  return [...names.map(name => entry(name, target)), entry(names[0], licence)]
}

function licenceOf(name) {
  const file = readdirSync(join(modules, name)).find(each => /^licen[cs]e/i.test(each))
  if (!file || !existsSync(join(modules, name, file))) throw new Error(`${name} comes without its licence`)
  return readFileSync(join(modules, name, file), 'utf8').trim() + '\n'
}

rmSync(vendor, { recursive: true, force: true })
const manifest = [...files.map(copy), ...await bundle('codemirror.mjs', 'codemirror/codemirror.min.js'), sprite()]
write(join(vendor, 'MANIFEST.json'), JSON.stringify(manifest, null, 2) + '\n')
console.log(`${manifest.length} files written`)
