// What every page can do in the browser. Everything here adds comfort to links and forms that work without it.
// Hooks are data-attributes; see the comment above each part.

const all = (selector, root = document) => [...root.querySelectorAll(selector)]
const one = selector => document.querySelector(selector)
const kept = {
  get: key => { try { return localStorage.getItem(key) } catch { return null } },
  set: (key, value) => { try { localStorage.setItem(key, value) } catch { /* private browsing: not remembered */ } },
}

// ---- Theme: [data-theme-set="light|dark|auto"] ---------------------------------------------------------------
function showTheme() {
  const theme = document.documentElement.dataset.theme ?? 'auto'
  for (const button of all('[data-theme-set]')) button.setAttribute('aria-pressed', String(button.dataset.themeSet === theme))
}

function setTheme(theme) {
  kept.set('theme', theme)
  dispatchEvent(new Event('theme'))
  showTheme()
}

// ---- Questions: form or button[data-confirm="title"], -text, -yes, -no, -harm -----------------------------------------
function ask(form, submitter) {
  const dialog = one('#ask')
  const asks = submitter?.dataset.confirm ? submitter : form
  const { confirm, confirmText, confirmYes, confirmNo } = asks.dataset
  one('#ask-title').textContent = confirm
  one('#ask-text').textContent = confirmText ?? ''
  one('#ask-yes').textContent = confirmYes ?? submitter?.textContent ?? confirm
  one('#ask-no').textContent = confirmNo ?? 'Keep it as it is'
  one('#ask-yes').className = 'confirmHarm' in asks.dataset ? 'btn btn-harm' : 'btn btn-primary'
  dialog.returnValue = 'no'
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'yes') return submitter?.focus()
    form.dataset.confirmed = ''
    form.requestSubmit(submitter)
  }, { once: true })
  dialog.showModal()
  one('#ask-no').focus()
}

document.addEventListener('submit', event => {
  const form = event.target
  if (!form.dataset.confirm && !event.submitter?.dataset.confirm) return
  if ('confirmed' in form.dataset) return delete form.dataset.confirmed
  event.preventDefault()
  event.stopImmediatePropagation()
  ask(form, event.submitter)
}, true)

// ---- Messages: toast("Version 7 is live", {undo}), or the event "toast" that HX-Trigger sends -------------------
const SECONDS_SHOWN = 6

const timed = new WeakSet()

function keepAWhile(toast) {
  if (timed.has(toast)) return
  timed.add(toast)
  let timer
  const start = () => { timer = setTimeout(() => toast.remove(), SECONDS_SHOWN * 1000) }
  const stop = () => clearTimeout(timer)
  toast.addEventListener('pointerenter', stop)
  toast.addEventListener('focusin', stop)
  toast.addEventListener('pointerleave', start)
  toast.addEventListener('focusout', start)
  start()
}

export function toast(text, { undo } = {}) {
  const shown = one('#toast').content.querySelector('[data-toast]').cloneNode(true)
  shown.querySelector('.text').textContent = text
  if (undo) shown.querySelector('.text').after(undoForm(undo))
  one('#toasts').append(shown)
  keepAWhile(shown)
}

function undoForm(action) {
  const form = Object.assign(document.createElement('form'), { method: 'post', action })
  const token = Object.assign(document.createElement('input'), { type: 'hidden', name: 'csrfmiddlewaretoken', value: csrfToken() })
  form.append(token, Object.assign(document.createElement('button'), { className: 'link', textContent: 'Undo' }))
  return form
}

document.addEventListener('toast', event => {
  const { text, value, undo } = event.detail ?? {}
  if (text ?? value) toast(text ?? value, { undo })
})

// ---- The live region: [data-say] in what htmx brought is read out, at most once every 5 s ------------------------
let sayTimer = null
let lastSaid = 0

export function say(sentence) {
  clearTimeout(sayTimer)
  const wait = Math.max(0, lastSaid + 5000 - Date.now())
  sayTimer = setTimeout(() => { lastSaid = Date.now(); one('#live').textContent = sentence }, wait)
}

// ---- All boxes of a table: input[data-check-all="name"] ---------------------------------------------------------
document.addEventListener('change', event => {
  const name = event.target.dataset?.checkAll
  if (name) for (const box of all(`input[type="checkbox"][name="${name}"]`)) box.checked = event.target.checked
})

// ---- Copying: [data-copy="#id"] or [data-copy-text="…"] --------------------------------------------------------
function textToCopy(button) {
  if (button.dataset.copyText !== undefined) return button.dataset.copyText
  const source = one(button.dataset.copy)
  return source.value ?? source.innerText
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(textToCopy(button))
    toast('Copied')
  } catch {
    toast('This browser does not let the page copy. Select the text instead')
  }
}

// ---- Times: time[data-ago], the same words as lib/look.py, in the reader's own zone ------------------------------
const clockOf = moment => moment.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
const dayOf = moment => new Date(moment.getFullYear(), moment.getMonth(), moment.getDate())

function age(moment, now) {
  const seconds = (now - moment) / 1000
  const minutes = Math.floor(Math.abs(seconds) / 60)
  if (minutes === 0) return seconds >= 0 ? 'just now' : 'in a moment'
  if (minutes < 60) return seconds >= 0 ? `${minutes} min ago` : `in ${minutes} min`
  const days = Math.round((dayOf(now) - dayOf(moment)) / 86400000)
  if (days === 0) return clockOf(moment)
  if (Math.abs(days) === 1) return days === 1 ? 'Yesterday' : 'Tomorrow'
  const month = moment.toLocaleDateString('en-GB', { month: 'short' }).slice(0, 3)
  return `${moment.getDate()} ${month}${moment.getFullYear() === now.getFullYear() ? '' : ` ${moment.getFullYear()}`}`
}

function refreshTimes(root = document) {
  for (const time of all('time[data-ago]', root)) {
    const moment = new Date(time.dateTime)
    time.textContent = age(moment, new Date())
    time.title = moment.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'long' })
  }
}

// ---- Menus: details.menu close on Esc, on a click elsewhere, and when another opens ------------------------------
function closeMenus(except) {
  for (const menu of all('details.menu[open]')) if (menu !== except) menu.open = false
}

// ---- Keys: [data-key="d"], "ctrl+enter", "alt+arrowup"; [data-key-row] for J and K ------------------------------
const inField = element => element.closest('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]') !== null
const lettersOn = () => kept.get('letters') !== 'off'
const visible = element => element.offsetParent !== null
const nameOf = element => element.dataset.keyLabel ?? element.getAttribute('aria-label') ?? element.placeholder ??
  [...element.childNodes].filter(node => node.nodeName !== 'KBD').map(node => node.textContent).join('').trim()

function pressed(event) {
  const modifier = event.ctrlKey || event.metaKey ? (event.shiftKey ? 'ctrl+shift+' : 'ctrl+') : event.altKey ? 'alt+' : ''
  return modifier + event.key.toLowerCase()
}

function moveRow(step) {
  const rows = all('[data-key-row]').filter(visible)
  if (!rows.length) return false
  const here = rows.findIndex(row => row === document.activeElement || row.contains(document.activeElement))
  const at = here < 0 ? rows.findIndex(row => row.getAttribute('aria-current') === 'true') : here
  rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))].focus()
  return true
}

function press(key) {
  if (key === '?') return showKeys()
  if (key === 'j' || key === 'k') return moveRow(key === 'j' ? 1 : -1)
  const target = all('[data-key]').find(element => element.dataset.key === key && visible(element))
  if (!target) return false
  if (inField(target)) target.focus()
  else target.click()
  return true
}

function showKeys() {
  const rows = all('[data-key]').filter(visible).map(element => [element.dataset.key, nameOf(element)])
  if (one('[data-key-row]')) rows.push(['j', 'Next'], ['k', 'Previous'])
  for (const note of all('[data-key-note]')) rows.push([note.dataset.keyNote, note.dataset.keyLabel])
  rows.push(['?', 'All keys'], ['esc', 'Close what is open'])
  one('#keys .keys').replaceChildren(...rows.flatMap(([key, name]) => [keyCaps(key), named('dd', name)]))
  one('#keys-on').checked = lettersOn()
  closeMenus()
  one('#keys').showModal()
  return true
}

const named = (tag, textContent) => Object.assign(document.createElement(tag), { textContent })

function keyCaps(key) {
  const term = document.createElement('dt')
  term.append(...key.split('+').flatMap(part => [named('kbd', part.replace('arrow', '').toUpperCase()), ' ']))
  return term
}

document.addEventListener('keydown', event => {
  if (event.defaultPrevented) return
  if (event.key === 'Escape' && !inField(event.target) && !one('details.menu[open], dialog[open]') && press('escape')) return event.preventDefault()
  if (event.key === 'Escape') {
    if (inField(event.target) && !one('details.menu[open], dialog[open]')) one('.panel-title')?.focus() // once more closes
    return closeMenus()
  }
  const key = pressed(event)
  const plain = !key.includes('+') || key === '+' || key.endsWith('+z') // in a field, undo is that of the field
  if (event.defaultPrevented || one('dialog[open]') || (plain && (inField(event.target) || !lettersOn()))) return
  if (press(key)) event.preventDefault()
})

// ---- Clicks ----------------------------------------------------------------------------------------------------
document.addEventListener('click', event => {
  closeMenus(event.target.closest('details.menu'))
  const hit = event.target.closest('[data-theme-set], [data-copy], [data-copy-text], [data-close], [data-keys]')
  if (!hit) return
  if (hit.dataset.themeSet) setTheme(hit.dataset.themeSet)
  else if ('close' in hit.dataset) hit.closest('[data-toast]').remove()
  else if ('keys' in hit.dataset) showKeys()
  else copy(hit)
})
document.addEventListener('change', event => {
  if (event.target.id === 'keys-on') kept.set('letters', event.target.checked ? 'on' : 'off')
})

// ---- htmx: the CSRF header, and what happens after new content: times, the live region, [data-focus] ------------
const csrfToken = () => one('meta[name="csrf-token"]').content

document.addEventListener('htmx:config:request', event => {
  const { request } = event.detail.ctx
  if (!['GET', 'HEAD'].includes(request.method.toUpperCase())) request.headers['X-CSRFToken'] = csrfToken()
})
document.addEventListener('htmx:after:swap', () => {
  refreshTimes()
  all('.toasts [data-toast]').forEach(keepAWhile)
  const focus = one('[data-focus]')
  focus?.removeAttribute('data-focus')
  focus?.focus()
  const sentence = all('[data-say]').at(-1)?.dataset.say
  if (sentence && sentence !== one('#live').textContent) say(sentence)
})

// ---- What a model is writing right now: the run's stream tells it, the step shows it, its end in view -------------
document.addEventListener('preview', event => {
  const { step, text } = JSON.parse(event.detail.data)
  for (const place of all(`[data-preview="${CSS.escape(step)}"]`)) {
    place.textContent = text
    place.scrollTop = place.scrollHeight
  }
})

// ---- Narrowing: input[data-narrow="#list"] hides the [data-words] that hold not all its words ---------------------
document.addEventListener('input', event => {
  const { narrow } = event.target.dataset
  if (!narrow) return
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean)
  for (const item of all(`${narrow} [data-words]`)) {
    const text = item.dataset.words.toLowerCase()
    item.hidden = !words.every(word => text.includes(word))
  }
  for (const group of all(`${narrow} section`)) group.hidden = !all('[data-words]', group).some(item => !item.hidden)
})

// ---- The editor: a step opens without losing the place in the outline; the panel's heading takes the focus --------
document.addEventListener('click', event => {
  const area = event.target.closest('[data-editor] .outline-area')
  if (area) sessionStorage.setItem('outline', JSON.stringify([location.pathname.split('/').slice(0, 5).join('/'), area.scrollTop, area.scrollLeft]))
}, true)

function keepPlace() {
  const area = one('[data-editor] .outline-area')
  if (!area) return
  const current = area.querySelector('[aria-current="true"]')
  try {
    const [page, top, left] = JSON.parse(sessionStorage.getItem('outline') ?? '[]')
    if (page === location.pathname.split('/').slice(0, 5).join('/')) area.scrollTo(left, top)
  } catch { /* nothing kept */ }
  current?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  if (location.hash === '') one('[data-editor] .panel-title')?.focus({ preventScroll: true })
}

keepPlace()
showTheme()
refreshTimes()
setInterval(refreshTimes, 20000)
all('.toasts [data-toast]').forEach(keepAWhile)
