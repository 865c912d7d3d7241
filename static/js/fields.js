// The fields of a step's form. Each is an input or a text area that works without this; here references are offered
// under it and drawn as chips, long texts get an editor (CodeMirror), rows are added and taken away, and what a save
// would find is shown while one types. Hooks: [data-expr], [data-rows], #step-form[data-check], [data-picker].
const all = (selector, root = document) => [...root.querySelectorAll(selector)]
const one = (selector, root = document) => root.querySelector(selector)
const made = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties)
  element.append(...children)
  return element
}
const form = () => one('#step-form')
const nonce = () => one('script[nonce]')?.nonce ?? ''

// ---- The values a step can use, as the page lists them -------------------------------------------------------------
function values() {
  return all('[data-picker] [data-group]').map(group => ({
    title: group.dataset.group,
    head: one('h3', group),
    number: group.dataset.number,
    values: all('[data-insert]', group).map(button => ({
      insert: button.dataset.insert, path: button.dataset.path,
      shown: one('.shown', button).textContent, kind: one('.faint', button).textContent,
    })),
  }))
}

function numbers() {
  const found = {}
  for (const group of values()) {
    const key = group.values[0]?.path.match(/^steps\.([a-z0-9_]+)/)?.[1]
    if (key) found[key] = group.number
  }
  return found
}

// ---- A field, plain or with an editor: { host, text, caret, put(from, to, text), focus, condition } ----------------
function plainField(element) {
  return {
    element, host: element, spoken: element,
    get text() { return element.value },
    get caret() { return element.selectionStart ?? element.value.length },
    put(from, to, text) {
      element.focus()
      element.setRangeText(text, from, to, 'end')
      element.dispatchEvent(new Event('input', { bubbles: true }))
    },
    focus: () => element.focus(),
  }
}

const CHIP = /\{\{\s*((?:steps|inputs|workspace|trigger|item|index|last|error|run)\b[\w.[\]-]*)((?:\s*\|[^{}]*)?)\s*\}\}/g

function chipText(path) {
  const step = path.match(/^steps\.([a-z0-9_]+)\.?(.*)$/)
  if (step) return numbers()[step[1]] ? `${numbers()[step[1]]} › ${step[2] || step[1]}` : path
  return path.replace(/^workspace\.variables\./, 'variable › ').replace(/^(inputs|item|last|trigger)\./, '$1 › ')
}

let code = null // the library, once it is there

function editorField(element) {
  const { EditorState, EditorView, keymap, Decoration, WidgetType, ViewPlugin, MatchDecorator, Compartment, defaultKeymap, history, historyKeymap } = code
  class Chip extends WidgetType {
    constructor(path, filters) { super(); this.path = path; this.filters = filters }
    eq(other) { return other.path === this.path && other.filters === this.filters }
    toDOM() {
      const chip = made('span', { className: 'ref', textContent: chipText(this.path), title: `{{ ${this.path} }}` })
      if (this.filters) chip.append(made('span', { className: 'ref-filters', textContent: this.filters.trim() }))
      return chip
    }
  }
  const matcher = new MatchDecorator({ regexp: CHIP, decoration: match => Decoration.replace({ widget: new Chip(match[1], match[2]) }) })
  const chips = () => ViewPlugin.fromClass(class {
    constructor(view) { this.found = matcher.createDeco(view) }
    update(update) { this.found = matcher.updateDeco(update, this.found) }
  }, {
    decorations: plugin => plugin.found,
    provide: plugin => EditorView.atomicRanges.of(view => view.plugin(plugin)?.found ?? Decoration.none),
  })
  const kind = element.dataset.expr
  const single = element.tagName === 'INPUT'
  const drawn = new Compartment()
  const label = element.labels?.[0]
  const spoken = { 'aria-label': (label?.firstChild?.textContent ?? element.getAttribute('aria-label') ?? '').trim(), 'aria-multiline': String(!single), spellcheck: element.getAttribute('spellcheck') === 'false' || kind !== 'text' ? 'false' : 'true' }
  const described = element.getAttribute('aria-describedby')
  if (described) spoken['aria-describedby'] = described
  if (element.getAttribute('aria-invalid')) spoken['aria-invalid'] = 'true'
  const oneLine = EditorState.transactionFilter.of(change => change.newDoc.lines > 1
    ? [change, { changes: { from: 0, to: change.newDoc.length, insert: change.newDoc.toString().replace(/\s*\n\s*/g, ' ') }, sequential: true }] : change)
  const view = new EditorView({
    state: EditorState.create({
      doc: element.value,
      selection: { anchor: element === document.activeElement ? element.selectionStart ?? 0 : 0 },
      extensions: [
        history(), keymap.of([...keysOf(element, single), ...defaultKeymap, ...historyKeymap]), EditorView.lineWrapping,
        EditorView.cspNonce.of(nonce()), EditorView.contentAttributes.of(spoken), languageOf(kind),
        EditorView.editorAttributes.of({ class: `form-control ${single ? 'one-line' : 'lines'} expr-${kind}` }),
        drawn.of(kind === 'condition' ? [] : chips()), single ? oneLine : [],
        EditorView.updateListener.of(update => {
          if (!update.docChanged) return
          element.value = update.state.doc.toString()
          element.dispatchEvent(new Event('input', { bubbles: true }))
        }),
      ],
    }),
  })
  const host = made('div', { className: 'editor-host' }, view.dom)
  host.style.setProperty('--lines', String(single ? 1 : Math.min(element.rows || 3, 7)))
  element.hidden = true
  element.after(host)
  label?.addEventListener('click', () => view.focus())
  const field = {
    element, host, spoken: view.contentDOM, view,
    get text() { return view.state.doc.toString() },
    get caret() { return view.state.selection.main.head },
    put(from, to, text) {
      view.dispatch({ changes: { from, to, insert: text }, selection: { anchor: from + text.length }, userEvent: 'input' })
      view.focus()
    },
    focus: () => view.focus(),
  }
  if (kind !== 'condition') host.append(bracesButton(view, drawn, chips, spoken['aria-label']))
  return field
}

function bracesButton(view, drawn, chips, name) {
  const button = made('button', { type: 'button', className: 'braces', textContent: '{ }', title: 'Show references as text' })
  button.setAttribute('aria-label', `References as text: ${name}`)
  button.setAttribute('aria-pressed', 'false')
  button.addEventListener('click', () => {
    const asText = button.getAttribute('aria-pressed') !== 'true'
    button.setAttribute('aria-pressed', String(asText))
    view.dispatch({ effects: drawn.reconfigure(asText ? [] : chips()) })
    view.focus()
  })
  return button
}

function keysOf(element, single) {
  const inPicker = key => () => picker.onKey(key)
  return [
    { key: 'ArrowDown', run: inPicker('ArrowDown') }, { key: 'ArrowUp', run: inPicker('ArrowUp') },
    { key: 'Enter', run: () => picker.onKey('Enter') || (single && (form().requestSubmit(), true)) },
    { key: 'Escape', run: inPicker('Escape') },
    { key: 'Ctrl-Space', run: () => picker.open(fieldOf(element)) }, { key: 'Alt-ArrowDown', run: () => picker.open(fieldOf(element)) },
    { key: 'Mod-Enter', run: () => (form().requestSubmit(), true) },
  ]
}

function languageOf(kind) {
  const { Language, LanguageSupport, defineLanguageFacet, syntaxHighlighting, HighlightStyle, tags, markdownParser, GFM, jsonParser } = code
  const parser = kind === 'markdown' ? markdownParser.configure([GFM]) : kind === 'json' ? jsonParser : null
  if (!parser) return []
  const style = HighlightStyle.define([
    { tag: tags.heading, fontWeight: '600' }, { tag: tags.strong, fontWeight: '600' }, { tag: tags.emphasis, fontStyle: 'italic' },
    { tag: [tags.link, tags.url, tags.propertyName], color: 'var(--accent-text)' }, { tag: [tags.monospace], fontFamily: 'var(--mono)' },
    { tag: [tags.string], color: 'var(--ok-text)' }, { tag: [tags.number, tags.bool, tags.null], color: 'var(--check-text)' },
    { tag: [tags.processingInstruction, tags.punctuation, tags.separator], color: 'var(--faint)' },
  ])
  return [new LanguageSupport(new Language(defineLanguageFacet(), parser)), syntaxHighlighting(style)]
}

// ---- The picker: opens on focus, at `{`, and at Ctrl+Space; arrows and Enter choose, Esc closes -------------------------
const TYPED = /\{\{?\s*([\w.[\]]*)$/
const BARE = /([\w.[\]]+)$/

const picker = {
  field: null, box: null, options: [], at: -1,

  open(field) {
    this.close()
    if (!field) return false
    this.field = field
    this.box = made('div', { className: 'picks-pop', id: 'picks-pop' })
    field.host.after(this.box)
    this.box.addEventListener('mousedown', event => event.preventDefault())
    this.draw()
    this.box.scrollIntoView({ block: 'nearest' })
    if (field.element.dataset.choices) this.load()
    return true
  },

  draw() {
    const { condition, word } = this.typed()
    const groups = [...this.choices(), ...values()].map(group => ({ ...group, values: group.values.filter(value => !word || `${value.path} ${value.name ?? ''}`.toLowerCase().includes(word)) }))
    const list = made('div', { className: 'picks-list', id: 'picks-list' })
    list.setAttribute('role', 'listbox')
    list.setAttribute('aria-label', `Values for ${this.field.spoken.getAttribute('aria-label') ?? 'this field'}`)
    this.options = []
    for (const group of groups.filter(each => each.values.length)) list.append(this.group(group, condition))
    this.at = word && this.options.length ? 0 : -1
    const source = one('[data-picker] [data-source]')?.cloneNode(true) ?? ''
    if (!this.options.length) list.append(made('p', { className: 'small muted mb-0', textContent: word ? 'No value has that in its name.' : 'No earlier step gives a value yet.' }))
    this.box.replaceChildren(source, list)
    this.field.spoken.setAttribute('aria-controls', 'picks-list')
    this.field.spoken.setAttribute('aria-haspopup', 'listbox')
    this.mark()
  },

  group(group) {
    const box = made('div', { className: 'pick-group' })
    box.setAttribute('role', 'group')
    box.setAttribute('aria-label', group.title)
    if (group.head) box.append(made('div', { className: 'pick-head line' }, ...[...group.head.childNodes].map(node => node.cloneNode(true))))
    for (const value of group.values) {
      const option = made('div', { className: 'pick-option', id: `pick-${this.options.length}` },
        value.name ? made('span', { textContent: value.name }) : made('code', { textContent: value.path.replace(/^steps\.[a-z0-9_]+\.|^(inputs|workspace\.variables)\./, '') }), made('span', { className: 'shown', textContent: value.shown }), made('span', { className: 'faint', textContent: value.kind }))
      option.setAttribute('role', 'option')
      option.setAttribute('aria-selected', 'false')
      const number = this.options.push({ option, value }) - 1
      option.addEventListener('click', () => this.choose(number))
      option.addEventListener('mousemove', () => { if (this.at !== number) { this.at = number; this.mark(false) } })
      box.append(option)
    }
    return box
  },

  choices() {
    const found = this.field.element.dataset
    const offered = found.options ? all('option', one(found.options)) : (this.loaded?.field === this.field ? this.loaded.options : [])
    const shown = offered.map(option => ({ path: option.value, whole: option.value, name: option.textContent || option.value, shown: option.textContent ? option.value : '', kind: 'choice' }))
    return shown.length ? [{ title: 'From the service', head: made('h3', {}, made('span', { textContent: 'To choose from' })), values: shown }] : []
  },

  async load() {
    const { field } = this
    const query = new URLSearchParams()
    for (const name of field.element.dataset.depends.split(',')) if (form().elements[name]) query.set(name, form().elements[name].value)
    try {
      const answer = await fetch(`${field.element.dataset.choices}?${query}`, { headers: { Accept: 'text/html' } })
      if (!answer.ok || this.field !== field) return
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
      this.loaded = { field, options: all('option', page) }
      const why = one('.help', page)?.textContent
      this.draw()
      if (why) this.box.append(made('p', { className: 'small muted', textContent: why }))
    } catch { /* the field is free text; what is offered is a help */ }
  },

  // What stands before the caret and would be replaced: an open reference, or in a condition the word itself.
  typed() {
    const before = this.field.text.slice(0, this.field.caret)
    const condition = this.field.element.dataset.expr === 'condition'
    const match = before.match(condition ? BARE : TYPED)
    if (match) return { condition, match, word: match[1].toLowerCase() }
    const free = this.field.element.dataset.choices || this.field.element.dataset.options
    return { condition, match: null, word: free && !before.includes('{{') ? before.toLowerCase() : '' }
  },

  choose(number) {
    const { value } = this.options[number] ?? {}
    if (!value) return false
    const { field } = this
    const { condition, match } = this.typed()
    const to = field.caret
    if (value.whole !== undefined) field.put(0, field.text.length, value.whole)
    else {
      const rest = field.text.slice(to).match(/^\s*\}\}?/)?.[0].length ?? 0
      field.put(match ? to - match[0].length : to, to + (match ? rest : 0), condition ? value.path : value.insert)
    }
    this.close()
    return true
  },

  mark(scroll = true) {
    this.options.forEach(({ option }, number) => option.setAttribute('aria-selected', String(number === this.at)))
    const current = this.options[this.at]?.option
    if (current && scroll) current.scrollIntoView({ block: 'nearest' })
    if (current) this.field.spoken.setAttribute('aria-activedescendant', current.id)
    else this.field.spoken.removeAttribute('aria-activedescendant')
  },

  onKey(key) {
    if (!this.box) return false
    if (key === 'Escape') return this.close(), true
    if (key === 'Enter') return this.at >= 0 && this.choose(this.at)
    const lines = this.field.text.includes('\n') && this.at < 0
    if (!this.options.length || lines) return false
    this.at = Math.max(-1, Math.min(this.options.length - 1, this.at + (key === 'ArrowDown' ? 1 : -1)))
    this.mark()
    return true
  },

  close() {
    if (!this.box) return
    this.box.remove()
    for (const name of ['aria-controls', 'aria-haspopup', 'aria-activedescendant']) this.field.spoken.removeAttribute(name)
    Object.assign(this, { box: null, field: null, options: [], at: -1 })
  },
}

let last = null // the field one was in last
const fields = new WeakMap()
const fieldOf = element => fields.get(element) ?? null
const fieldAt = target => {
  const plain = target.closest?.('#step-form [data-expr]')
  if (plain) return fieldOf(plain)
  const host = target.closest?.('#step-form .editor-host')
  return host ? fieldOf(host.previousElementSibling) : null
}

document.addEventListener('focusin', event => {
  const field = fieldAt(event.target)
  if (quiet) return
  if (field && field !== picker.field) field.element.dataset.pick ? picker.open(field) : picker.close()
  else if (!field && !event.target.closest?.('.picks-pop')) picker.close()
})
document.addEventListener('pointerdown', event => {
  const field = fieldAt(event.target)
  if (!field && !event.target.closest('.picks-pop')) picker.close()
  else if (field && field === last && !picker.box && field.element.dataset.pick) picker.open(field)
})
document.addEventListener('input', event => {
  const field = event.target.matches?.('#step-form [data-expr]') ? fieldOf(event.target) : null
  if (!field) return
  const { match, word } = picker.field === field ? picker.typed() : {}
  if (match || word) picker.draw()
  else if (picker.field === field) picker.close() // free text is written: nothing to choose
  else if (TYPED.test(field.text.slice(0, field.caret))) picker.open(field)
})
// A plain field (the editor has keys of its own).
document.addEventListener('keydown', event => {
  if (!event.target.matches?.('[data-expr]')) return
  if ((event.ctrlKey && event.key === ' ') || (event.altKey && event.key === 'ArrowDown')) return picker.open(fieldOf(event.target)) && event.preventDefault()
  if (['ArrowDown', 'ArrowUp', 'Enter', 'Escape'].includes(event.key) && !event.altKey && !event.ctrlKey && picker.onKey(event.key)) { event.preventDefault(); event.stopPropagation() }
}, true)

// The list below the form puts a value into the field one was in last; without one it is copied.
document.addEventListener('focusin', event => { last = fieldAt(event.target) ?? last })
document.addEventListener('click', event => {
  const value = event.target.closest('[data-picker] [data-insert]')
  if (!value) return
  if (!last?.element.isConnected) return navigator.clipboard?.writeText(value.dataset.insert)
  last.put(last.caret, last.caret, last.element.dataset.expr === 'condition' ? value.dataset.path : value.dataset.insert)
})

// ---- Rows: a new empty one when the last is used, and a way to take one away ----------------------------------------
function grow(list) {
  const row = list.lastElementChild
  if (all('input, select', row).every(each => !each.value)) return
  const next = row.cloneNode(true)
  const number = list.children.length + 1
  for (const host of all('.editor-host, .picks-pop, [data-row-remove]', next)) host.remove()
  for (const each of all('input, select', next)) {
    each.value = ''
    each.hidden = false
    const id = each.id.replace(/-\d+-(\w+)$/, `-${number}-$1`)
    one(`label[for="${each.id}"]`, next)?.setAttribute('for', id)
    each.id = id
    each.setAttribute('aria-label', (each.getAttribute('aria-label') ?? '').replace(/\d+$/, number))
    if (!each.getAttribute('aria-label')) each.removeAttribute('aria-label')
  }
  row.append(removeButton(number - 1))
  list.append(next)
  mount(next)
}

function removeButton(number) {
  const button = made('button', { type: 'button', className: 'btn btn-plain btn-icon btn-sm', textContent: '×' })
  button.dataset.rowRemove = ''
  button.setAttribute('aria-label', `Remove row ${number}`)
  return button
}

document.addEventListener('input', event => {
  const row = event.target.closest?.('[data-rows] > li')
  if (row && row === row.parentElement.lastElementChild) grow(row.parentElement)
})
document.addEventListener('click', event => {
  const button = event.target.closest('[data-row-remove]')
  if (!button) return
  const row = button.closest('li')
  const next = row.nextElementSibling
  row.remove()
  one('.cm-content, input:not([hidden]), select', next)?.focus()
  form().dispatchEvent(new Event('input', { bubbles: true }))
})

// ---- Checks: what a save would find, half a second after the last key ------------------------------------------------
let timer = null
let asking = null

async function check() {
  const shown = form()
  if (!shown?.dataset.check) return
  asking?.abort()
  asking = new AbortController()
  try {
    const answer = await fetch(shown.dataset.check, { method: 'POST', body: new FormData(shown), signal: asking.signal, headers: { 'X-CSRFToken': one('meta[name="csrf-token"]').content } })
    if (!answer.ok || shown !== form()) return
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
    for (const found of all('[data-live]', page)) {
      const place = document.getElementById(`${found.dataset.live}_live`)
      if (place && place.innerHTML !== found.innerHTML) place.replaceChildren(...found.childNodes)
      const field = fieldOf(document.getElementById(found.dataset.live))
      field?.spoken[one('.error', place ?? found) ? 'setAttribute' : 'removeAttribute']('aria-invalid', 'true')
    }
  } catch (error) { if (error.name !== 'AbortError') throw error }
}

document.addEventListener('input', event => {
  if (!event.target.closest?.('#step-form')) return
  clearTimeout(timer)
  timer = setTimeout(check, 500)
})

// ---- Fields become what they can be: at once plain, with the editor when it is there ---------------------------------
async function mount(root = form()) {
  const found = all('[data-expr]', root ?? document.createElement('i')).filter(each => !each.matches(':disabled') && !fields.has(each))
  if (!found.length) return
  for (const element of found) fields.set(element, plainField(element))
  const url = one('[data-codemirror]')?.dataset.codemirror
  try { code ??= await import(url) } catch { return } // the plain fields stay
  const focused = document.activeElement
  for (const element of found) {
    if (!element.isConnected || element.hidden) continue
    const field = editorField(element)
    fields.set(element, field)
    if (focused === element) field.focus()
  }
}

// After a save one is in the same field, at the same place, with nothing opened over the next one.
let back = null
let quiet = false

document.addEventListener('htmx:before:swap', () => {
  const field = document.activeElement && fieldAt(document.activeElement)
  back = field ? { id: field.element.id, at: field.caret, step: one('#panel')?.dataset.current } : null
})

function goBack() {
  const field = back && back.step === one('#panel')?.dataset.current ? fieldOf(document.getElementById(back.id)) : null
  if (!field?.view || ![document.body, one('.panel-title')].includes(document.activeElement)) return
  quiet = true
  field.view.dispatch({ selection: { anchor: Math.min(back.at, field.text.length) } })
  field.focus()
  quiet = false
  back = null
}

function opened() {
  picker.close()
  mount().then(goBack)
  if (form()?.dataset.check && all('[data-expr]', form()).some(each => each.value.includes('{{'))) check()
}

document.addEventListener('htmx:after:swap', event => { if (form() && !fields.has(one('[data-expr]', form()))) opened() })
opened()
