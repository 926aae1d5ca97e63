/**
 * The page's script: searches, makes the buttons, and puts into the commands the gateway and the IPNS name by which the page was opened.
 * Addresses come from the reader's address bar, so they are used only in the shape of one: they end up in a shell.
 */
export const SCRIPT = `
const all = [...document.querySelectorAll('details')]
const query = document.getElementById('query')
const count = document.getElementById('count')
const { protocol, host, pathname } = location
const [, label, labelKind, parent] = /^([\\w-]+)\\.(ip[fn]s)\\.([\\w.:-]+)$/.exec(host) ?? []
const [, pathKind, root] = /^\\/(ip[fn]s)\\/([\\w.-]+)/.exec(pathname) ?? []
const gateway = protocol.startsWith('http') && /^[\\w.:[\\]-]+$/.test(host) ? protocol + '//' + (parent ?? host) : undefined
const domain = label?.includes('-') ? label.replace(/--|-/g, (dashes) => (dashes === '-' ? '.' : '-')) : label
const name = (labelKind ?? pathKind) === 'ipns' ? (domain ?? root) : undefined

let words
function search() {
  words ??= all.map((row) => {
    const facts = [...row.querySelectorAll('dd')].map((dd) => dd.textContent)
    return [row.dataset.name, row.firstElementChild.textContent, ...facts].join(' ').toLowerCase()
  })
  const wanted = query.value.toLowerCase().split(/\\s+/)
  let shown = 0
  all.forEach((row, at) => {
    row.hidden = !wanted.every((word) => words[at].includes(word))
    if (!row.hidden) shown++
  })
  for (const section of document.querySelectorAll('section')) section.hidden = !section.querySelector('details:not([hidden])')
  document.getElementById('none').hidden = shown > 0
  count.textContent = shown + ' of ' + all.length
}

function line(text) {
  const p = document.createElement('p')
  p.append(Object.assign(document.createElement('code'), { textContent: text }))
  return p
}

function prepare(row) {
  if (row.querySelector('button')) return
  if (name) row.querySelector('h3').after(line('docker ipfs pull ipns://' + name + '/' + row.dataset.name))
  for (const code of row.querySelectorAll('p code')) {
    if (gateway) code.textContent = code.textContent.replace('http://127.0.0.1:8080/', gateway + '/')
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Copy' })
    button.setAttribute('aria-label', 'Copy ' + code.textContent)
    button.onclick = () => copy(code, button)
    code.before(button)
  }
}

async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent)
  } catch {
    getSelection().selectAllChildren(code)
    document.execCommand('copy')
  }
  button.textContent = 'Copied'
  count.textContent = 'Copied'
  setTimeout(() => {
    button.textContent = 'Copy'
    if (query.value) search()
    else count.textContent = ''
  }, 2000)
}

document.addEventListener('toggle', ({ target }) => { if (target.open) prepare(target) }, true)
for (const link of document.querySelectorAll('[data-ipfs]')) {
  if (gateway) link.href = link.href.replace('ipfs://', gateway + '/ipfs/') + '/'
}
if (all.length > 0) {
  document.getElementById('search').hidden = false
  query.oninput = search
  if (query.value) search()
}
`
