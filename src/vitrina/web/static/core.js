// What every screen shares: swapping parts of the page, saying things, copying, keys, the theme.

const root = document.documentElement;
root.classList.add('scripted');

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
export const csrf = () => $('meta[name=csrf]').content;

// The one policy that makes HTML of text: only of answers from this server, rendered and escaped there.
const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy('vitrina', { createHTML: (text) => text })
  : { createHTML: (text) => text };

/** The document behind one of this server's addresses; rejects with the server's reason. */
export async function part(address, { signal, headers = {} } = {}) {
  const answer = await fetch(address, { signal, headers: { Accept: 'text/html', ...headers }, credentials: 'same-origin' });
  if (new URL(answer.url).pathname === '/login') { location.reload(); return new Promise(() => {}); }
  const parsed = new DOMParser().parseFromString(policy.createHTML(await answer.text()), 'text/html');
  if (answer.ok) return parsed;
  const said = $('[data-error]', parsed);
  throw new Error(said ? said.textContent.trim() : `the server answers ${answer.status}`);
}

/** Replace each [data-part] of the page by that of the same name; focus stays where it was. */
export function swap(parsed) {
  const focused = document.activeElement;
  const place = focused && focused.id;
  for (const fresh of $$('[data-part]', parsed)) {
    const old = $(`[data-part="${fresh.dataset.part}"]`);
    if (!old || old === fresh) continue; // it came inside of another part
    const opened = $$('details[open][id]', old).map((each) => each.id);
    const node = document.adoptNode(fresh);
    if (old.open) node.open = true;
    old.replaceWith(node);
    for (const id of opened) { const each = document.getElementById(id); if (each) each.open = true; }
  }
  if (place && !focused.isConnected) {
    const again = document.getElementById(place);
    if (again) again.focus({ preventScroll: true });
  }
}

/** Send a form's fields, or any body, to an address of this server; gives the parsed JSON. */
export async function post(address, body, { type, signal } = {}) {
  const headers = { 'X-CSRF-Token': csrf(), Accept: 'application/json' };
  if (body && body.constructor === Object) {
    headers['Content-Type'] = 'application/x-www-form-urlencoded';
    body = new URLSearchParams(body);
  } else if (type) headers['Content-Type'] = type;
  const answer = await fetch(address, { method: 'POST', body, headers, signal, credentials: 'same-origin' });
  const text = await answer.text();
  let value = null;
  try { value = JSON.parse(text); } catch {
    const parsed = new DOMParser().parseFromString(policy.createHTML(text), 'text/html');
    value = { error: ($('main p', parsed) || parsed.body).textContent.trim().slice(0, 500) };
  }
  if (!answer.ok) throw new Error(value.error || `the server answers ${answer.status}`);
  return value;
}

/** Say something to screen readers, once things have settled; the newest wins. */
let saying = 0;
export function say(text, after = 1400) {
  clearTimeout(saying);
  saying = setTimeout(() => { $('[data-status]').textContent = text; }, after);
}

/** Show a short message; with `undo`, a function, a button for it. */
export function toast(text, { undo, label = 'Undo', seconds = 8 } = {}) {
  const box = document.createElement('div');
  box.className = 'toast';
  box.append(Object.assign(document.createElement('span'), { textContent: text }));
  if (undo) {
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: label });
    button.addEventListener('click', () => { box.remove(); undo(); });
    box.append(button);
  }
  $('[data-toasts]').replaceChildren(box);
  say(text, 0);
  setTimeout(() => box.remove(), seconds * 1000);
}

/** A bar at the top while something takes longer than a moment; call the result when it is done. */
let running = 0;
export function busy(element) {
  const bar = $('[data-progress]');
  const timer = setTimeout(() => { bar.hidden = false; }, 200);
  running += 1;
  if (element) element.setAttribute('aria-busy', 'true');
  return () => {
    clearTimeout(timer);
    running -= 1;
    if (running) return;
    bar.hidden = true;
    if (element) element.removeAttribute('aria-busy');
  };
}

export async function copy(text) {
  try { await navigator.clipboard.writeText(text); toast('Copied'); } catch { toast('Copying is not allowed here: select it and copy'); }
}

// Keys: letters act only outside of fields, and can be switched off.
const keys = [];
/** Act on a key. `when` (an element → boolean) says where; letters besides / and ? may be off. */
export function onKey(key, act, when = () => true) { keys.push({ key, act, when }); }
export const letters = () => localStorage.getItem('letters') !== 'off';
const typing = (element) => element && (element.matches('input:not([type=checkbox],[type=radio],[type=range]), textarea, select') || element.isContentEditable);

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const at = document.activeElement;
  if (typing(at)) return;
  if (/^[a-z0-9]$/i.test(event.key) && !letters()) return;
  if ($('dialog[open]') && event.key !== 'Escape') return;
  for (const each of keys) {
    if (each.key === event.key && each.when(at)) { event.preventDefault(); each.act(at, event); return; }
  }
});

onKey('?', () => open('help'));
onKey('/', () => { const box = $('input[type=search]'); if (box) { box.focus(); box.select(); } else location.href = '/'; });

/** Open a dialog by its id; focus returns to where it was when it closes. */
export function open(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  const back = document.activeElement;
  dialog.addEventListener('close', () => back && back.isConnected && back.focus(), { once: true });
  dialog.showModal();
}

document.addEventListener('click', (event) => {
  const at = event.target.closest('[data-opens], [data-copy], [data-copy-text], [data-copy-link], [data-back]');
  if (at && at.dataset.opens) open(at.dataset.opens);
  else if (at && at.dataset.copy) copy(document.getElementById(at.dataset.copy).textContent);
  else if (at && at.dataset.copyText) copy(at.dataset.copyText);
  else if (at && 'back' in at.dataset) { event.preventDefault(); history.back(); } // what was typed is still there
  else if (at) copy(location.href);
  for (const menu of $$('details.menu[open]')) {
    if (!menu.contains(event.target) || (at && at.closest('.menu') === menu)) menu.open = false;
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const menu = $('details.menu[open]');
  if (menu) { event.preventDefault(); menu.open = false; $('summary', menu).focus(); }
}, true);

const letterBox = $('[data-letters]');
if (letterBox) {
  letterBox.checked = letters();
  letterBox.addEventListener('change', () => localStorage.setItem('letters', letterBox.checked ? 'on' : 'off'));
}

for (const here of $$('.top nav [aria-current], .tabs [aria-current]')) {
  const bar = here.parentElement;
  bar.scrollLeft = (here.previousElementSibling || here).offsetLeft - bar.offsetLeft;
}

// Fields that name a keyword or a product: suggestions from what is there.
let asked = 0;
document.addEventListener('input', async ({ target: field }) => {
  const kind = field.dataset && field.dataset.suggest;
  const typed = kind ? field.value.trim() : '';
  if (typed.length < 2) return;
  const number = ++asked;
  const address = kind === 'keyword' ? `/api/suggest?${new URLSearchParams({ q: typed, k: 12 })}` : `/api/search?${new URLSearchParams({ q: typed, n: 8 })}`;
  try {
    const answer = await fetch(address, { headers: { 'X-Typing': '1' } });
    if (!answer.ok) return;
    const found = await answer.json();
    if (number !== asked) return;
    const options = kind === 'keyword'
      ? [...new Set(found.suggestions.map((each) => each.keyword))].map((value) => [value, ''])
      : found.products.map((each) => [each.external_id, each.title]);
    field.list.replaceChildren(...options.map(([value, label]) => Object.assign(document.createElement('option'), { value, label })));
  } catch { /* it can be typed whole */ }
});

// A picture that cannot be had gives way to its words.
const PICTURES = '.plate img, .pic img, .strip img';
function gone(image) {
  if (image.dataset.fallback) { image.src = image.dataset.fallback; delete image.dataset.fallback; return; }
  const large = image.id !== '';
  image.replaceWith(Object.assign(document.createElement('span'), {
    className: large ? '' : 'hidden', textContent: large ? 'This picture cannot be had' : image.alt || 'no picture',
  }));
}
document.addEventListener('error', ({ target }) => { if (target.matches && target.matches(PICTURES)) gone(target); }, true);
for (const image of $$(PICTURES)) if (image.complete && image.currentSrc && !image.naturalWidth) gone(image);
