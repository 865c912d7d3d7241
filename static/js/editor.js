// The editor in the browser. Its links and forms work without any of this; here their answers change only the parts of
// the page that differ, steps are dragged, and keys move the step one stands on.
const all = (selector, root = document) => [...root.querySelectorAll(selector)]
const one = (selector, root = document) => root.querySelector(selector)
const panel = () => one('#panel')
const draft = () => one('#draft')?.dataset.draft ?? ''
const OF_THE_EDITOR = '[data-editor], #editor-head, .toast'

// ---- Parts: the server is told which draft is shown, and answers with what differs (views/editor_parts.py) ---------
document.addEventListener('htmx:config:request', event => {
  const { ctx } = event.detail
  if (ctx.sourceElement.closest(OF_THE_EDITOR)) ctx.request.headers['X-Draft'] = draft()
})

document.addEventListener('htmx:before:swap', event => {
  const { ctx } = event.detail
  if (!ctx.sourceElement?.closest?.(OF_THE_EDITOR) || !ctx.sourceElement._htmx?.boosted) return
  const { raw, headers } = ctx.response
  if (headers.get('X-Parts')) return
  event.preventDefault()
  if (raw.ok) location.assign(raw.url)
  else failed(raw.status)
})

// Who types on while a save is under way keeps the form as it is; it then belongs to the draft that was saved.
document.addEventListener('htmx:before:swap', event => {
  const { ctx, tasks } = event.detail
  if (ctx.sourceElement?.id !== 'step-form' || !typed || !ctx.response.raw.ok || one('#lists, #tools')) return
  const at = tasks.findIndex(task => task.target === panel())
  if (at < 0 || tasks[at].fragment.querySelector('#panel')?.dataset.current !== panel().dataset.current) return
  const etag = tasks[at].fragment.querySelector('[name=etag]')?.value
  tasks.splice(at, 1)
  if (etag) one('#step-form').elements.etag.value = etag
  ctx.typedOn = true
})

function failed(status) {
  const notice = one('#editor-failed').content.cloneNode(true)
  one('[data-status]', notice).textContent = status
  one('#notices').replaceChildren(notice)
}
document.addEventListener('htmx:error', event => { if (event.detail.ctx?.sourceElement?._htmx?.boosted) failed('no answer') })

// ---- After a part has changed: the open step is marked, the focus goes where one works on --------------------------
let shown = panel()?.dataset.current ?? ''
let before = null

function markCurrent() {
  const key = panel()?.dataset.current ?? ''
  for (const row of all('#outline [aria-current]')) if (row.id !== `a-${key}`) row.removeAttribute('aria-current')
  const row = key && document.getElementById(`a-${key}`)
  if (row) row.setAttribute('aria-current', 'true')
  for (const box of all('#map [data-map]')) box.classList.toggle('on', box.dataset.map === key)
  return row
}

document.addEventListener('htmx:before:request', event => {
  if (event.detail.ctx.sourceElement.closest(OF_THE_EDITOR)) before = { row: document.activeElement?.closest?.('#outline [data-key-row]')?.id, draft: draft() }
})

// An edit that stays on its page leaves one entry in the history, not one a save.
document.addEventListener('htmx:before:history:update', event => {
  const { history } = event.detail
  if (new URL(history.path, location.href).href === location.href) history.type = 'replace'
})

document.addEventListener('htmx:after:swap', event => {
  if (!panel()) return
  const row = markCurrent()
  draggable()
  if (!event.detail.ctx?.sourceElement?._htmx?.boosted) return
  const closed = panel().hidden
  const opened = panel().dataset.current !== shown || (!closed && !panel().dataset.current)
  if (dragged && before?.draft === draft()) return location.reload()
  dragged = false
  if (closed && shown) (document.getElementById(`a-${shown}`) ?? one('#outline a'))?.focus()
  else if (opened) one('.panel-title')?.focus({ preventScroll: false })
  else if (moved && document.getElementById(moved)) document.getElementById(moved).focus()
  else if (document.activeElement === document.body) (one('.panel-title') ?? row)?.focus()
  if (opened && row) row.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  moved = null
  shown = panel().dataset.current ?? ''
})

// ---- What is typed and not saved is said, and saved before one goes on to another step -----------------------------
let typed = false

document.addEventListener('input', event => {
  if (!event.target.closest?.('#step-form')) return
  typed = true
  const said = one('.panel-foot [data-saved]')
  if (said) said.textContent = 'Not saved yet'
})
addEventListener('beforeunload', event => { if (typed && one('#step-form')) event.preventDefault() })
document.addEventListener('htmx:after:swap', event => {
  const { ctx } = event.detail
  if (ctx?.sourceElement?._htmx?.boosted && !ctx.typedOn) typed = false
})

async function saved() {
  const form = one('#step-form')
  const headers = { 'X-CSRFToken': one('meta[name="csrf-token"]').content }
  const answer = await fetch(form.action, { method: 'POST', body: new FormData(form), headers, redirect: 'manual' })
  if (answer.type !== 'opaqueredirect') return form.requestSubmit() // refused: the answer says why, in its place
  typed = false
  return true
}

function first(event, then) {
  if (!typed || !one('#step-form') || !event.target.closest?.(OF_THE_EDITOR)) return
  event.preventDefault()
  event.stopImmediatePropagation()
  saved().then(done => { if (done) then() }, () => failed('no answer'))
}

addEventListener('click', event => {
  const link = event.target.closest?.('a[href]')
  const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0
  if (link && plain && !link.target && !link.hash) first(event, () => link.isConnected ? link.click() : location.assign(link.href))
}, true)
addEventListener('submit', event => {
  const { target, submitter } = event
  if (target.id === 'step-form') typed = false
  else if (target.method === 'post') first(event, () => target.requestSubmit(submitter))
}, true)

// ---- Keys: Alt+Up and Alt+Down move the step one stands on in the outline, through blocks --------------------------
let moved = null

function send(key, { by = '', to = '', index = '' }) {
  const form = one('#any-move')
  form.action = form.dataset.action.replace('/KEY/', `/${key}/`)
  Object.entries({ by, to, index, open: panel()?.dataset.current ?? '' }).forEach(([name, value]) => { form.elements[name].value = value })
  form.requestSubmit()
}

document.addEventListener('keydown', event => {
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key]
  const row = event.target.closest?.('#outline [data-key-row]')
  if (!by || !event.altKey || !row || !one('#any-move')) return
  event.preventDefault()
  event.stopPropagation()
  moved = row.id
  send(row.id.slice(2), { by })
}, true)

// ---- Dragging: a step goes to a place of any list; the same move as by keys ----------------------------------------
let dragged = false

function draggable() {
  if (!one('#any-move') || !window.Sortable) return
  for (const list of all('#outline ol[data-branch]')) {
    if (window.Sortable.get(list)) continue
    new window.Sortable(list, {
      group: 'steps', draggable: 'li[data-step]', filter: '.add-step', preventOnFilter: false, forceFallback: true,
      fallbackTolerance: 5, animation: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 120,
      fallbackOnBody: true, swapThreshold: 0.4, invertSwap: true, delay: 200, delayOnTouchOnly: true, ghostClass: 'dragged', emptyInsertThreshold: 24,
      onStart: () => all('#outline ol[data-branch]').forEach(each => each.classList.toggle('drop', !each.children.length)),
      onEnd: drop,
    })
  }
}

function drop({ item, to, from, oldDraggableIndex, newDraggableIndex }) {
  all('#outline .drop').forEach(each => each.classList.remove('drop'))
  if (to === from && oldDraggableIndex === newDraggableIndex) return
  dragged = true
  send(item.dataset.step, { to: to.dataset.parent ? `${to.dataset.parent}:${to.dataset.branch}` : '', index: newDraggableIndex })
}

addEventListener('DOMContentLoaded', draggable)
if (document.readyState !== 'loading') draggable()
if (!window.Sortable) addEventListener('load', draggable)
markCurrent()
