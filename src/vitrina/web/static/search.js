// The search: results as typed, the state in the address, suggestions, pictures, keys.
import { $, $$, part, swap, say, busy, post, onKey, toast, open } from './core.js';

const box = $('#q');
const form = $('#search');
const column = $('.column');
const PAUSE = 120, QUIET = 500;

// --- the state: the fields of the form, as the server reads them -------------------------------
function asked() {
  const pairs = [...new FormData(form)].filter(([, value]) => typeof value === 'string' && value.trim() !== '');
  return new URLSearchParams(pairs).toString();
}
const here = () => location.search.slice(1);

// --- asking: only the newest answer is shown ---------------------------------------------------
let newest = 0;
let asking = null;

/**
 * Show what a state finds. `push` a new entry of the history, `replace` the last, or only `read`; while
 * a `burst` of letters is typed, its first answer makes an entry and the later ones replace that.
 */
async function show(query, history_, { typing = false } = {}) {
  const number = ++newest;
  if (asking) asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const done = busy(column);
  try {
    const headers = typing ? { 'X-Typing': '1' } : {};
    const parsed = await fetchPart('/part/search', query, headers, signal);
    if (number !== newest) return;
    clearAlert();
    swap(parsed);
    const results = $('[data-part=results]');
    const address = results.dataset.address;
    const replaces = history_ === 'replace' || (history_ === 'burst' && pushed);
    if (history_ !== 'read' && address !== location.pathname + location.search) {
      history[replaces ? 'replaceState' : 'pushState'](null, '', address);
      if (history_ === 'burst') pushed = true;
    }
    document.title = `${results.dataset.query || 'Search'} · vitrina`;
    announce();
    performance.mark('painted');
    if (typing && quiet) return; // counting is more work than searching: once the typing is over
    await count(number, signal);
  } catch (error) {
    if (error.name === 'AbortError' || number !== newest) return;
    alertAbout(error, () => show(query, history_, { typing }));
  } finally { done(); }
}

/** Show the counts of what is shown; first its meaning, if it was found by its words only. */
async function count(number, signal) {
  const { dataset } = $('[data-part=results]');
  if ('rough' in dataset) { await show(asked(), 'burst'); return; }
  const facets = await fetchPart('/part/facets', dataset.address.split('?')[1] || '', {}, signal);
  if (number !== newest) return;
  swap(facets);
  place();
  announce();
}

async function fetchPart(path, query, headers, signal) {
  return part(path + (query ? `?${query}` : ''), { signal, headers });
}

function announce() {
  const total = $('[data-part=total]');
  if (total && total.textContent.trim()) say(total.textContent.trim());
}

function clearAlert() { const old = $('[data-failed]'); if (old) old.remove(); }
function alertAbout(error, again) {
  clearAlert();
  const alert = Object.assign(document.createElement('div'), { className: 'alert' });
  alert.setAttribute('role', 'alert');
  alert.dataset.failed = '';
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Try again' });
  button.addEventListener('click', again);
  alert.append(Object.assign(document.createElement('span'), { textContent: error.message }), button);
  column.prepend(alert);
}

// --- typing ------------------------------------------------------------------------------------
let pause = 0, quiet = 0, pushed = false, composing = false;

function typed(at = PAUSE) {
  clearTimeout(pause); clearTimeout(quiet);
  pause = setTimeout(() => show(asked(), 'burst', { typing: true }), at);
  quiet = setTimeout(async () => {
    quiet = 0;
    const number = newest;
    // what is still being asked for is counted when it comes
    if (!column.hasAttribute('aria-busy')) await count(number, asking?.signal).catch(() => {});
    pushed = false;
  }, at + QUIET);
}
/** Typing is over; whether it has made an entry of the history. */
function settle() { clearTimeout(pause); clearTimeout(quiet); quiet = 0; const was = pushed; pushed = false; return was; }

box.addEventListener('compositionstart', () => { composing = true; });
box.addEventListener('compositionend', () => { composing = false; typed(); suggest(); });
box.addEventListener('input', (event) => {
  if (composing || event.isComposing) return;
  const at_once = box.value === '' || event.inputType === 'insertFromPaste';
  typed(at_once ? 0 : PAUSE);
  suggest();
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  closeList();
  show(asked(), settle() ? 'replace' : 'push');
});
document.addEventListener('change', (event) => {
  const field = event.target;
  if (field.form !== form || field === box) return;
  settle();
  show(asked(), 'push');
});

// --- links that only change the state: chips, pages, views, menus ------------------------------
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest('a[href]');
  if (!link || link.origin !== location.origin || link.pathname !== '/' || !link.closest('[data-part], .brand')) return;
  event.preventDefault();
  settle();
  const chips = $$('[data-chip]');
  const place = chips.indexOf(link);
  go(link.search.slice(1)).then(() => {
    if (place >= 0) {
      const left = $$('[data-chip]');
      (left[Math.min(place, left.length - 1)] || $('#results-title')).focus({ preventScroll: true });
    } else if (link.rel) { $('#results-title').focus({ preventScroll: true }); scrollTo(0, 0); }
  });
});

/** Show another state, its words in the box too. */
async function go(query, history_ = 'push') {
  box.value = new URLSearchParams(query).get('q') || '';
  await show(query, history_);
}
addEventListener('popstate', () => { settle(); closeList(); go(here(), 'read'); });

// --- suggestions -------------------------------------------------------------------------------
const list = $('#suggestions');
let active = -1, suggesting = null, listed = 0;

async function suggest() {
  const prefix = box.value.trim();
  if (suggesting) suggesting.abort();
  if (prefix.length < 2) { closeList(); return; }
  suggesting = new AbortController();
  const number = ++listed;
  try {
    const answer = await fetch(`/api/suggest?${new URLSearchParams({ q: prefix, k: 8 })}`, { signal: suggesting.signal });
    if (!answer.ok) return;
    const { suggestions } = await answer.json();
    if (number !== listed || document.activeElement !== box || box.value.trim() !== prefix) return;
    active = -1;
    list.replaceChildren(...suggestions.map((each, index) => {
      const item = Object.assign(document.createElement('li'), { id: `suggestion-${index}`, textContent: each.suggestion });
      item.setAttribute('role', 'option');
      item.setAttribute('aria-selected', 'false');
      item.dataset.value = each.suggestion;
      item.append(Object.assign(document.createElement('span'), { textContent: `${each.facet} · ${each.products.toLocaleString('en')}` }));
      return item;
    }));
    const any = suggestions.length > 0 && !(suggestions.length === 1 && suggestions[0].suggestion === prefix);
    list.hidden = !any;
    box.setAttribute('aria-expanded', String(any));
    box.removeAttribute('aria-activedescendant');
  } catch { /* a suggestion that does not come is not missed */ }
}
function closeList() {
  listed += 1;
  list.hidden = true; active = -1;
  box.setAttribute('aria-expanded', 'false');
  box.removeAttribute('aria-activedescendant');
}
function choose(value) { box.value = value; closeList(); show(asked(), settle() ? 'replace' : 'push'); }

box.addEventListener('keydown', (event) => {
  if (event.isComposing) return;
  const options = $$('[role=option]', list);
  if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && !list.hidden && options.length) {
    event.preventDefault();
    const step = event.key === 'ArrowDown' ? 1 : -1;
    active = active < 0 ? (step > 0 ? 0 : options.length - 1) : (active + step + options.length) % options.length;
    options.forEach((each, index) => each.setAttribute('aria-selected', String(index === active)));
    box.setAttribute('aria-activedescendant', options[active].id);
    options[active].scrollIntoView({ block: 'nearest' });
  } else if (event.key === 'ArrowDown' && list.hidden) {
    const first = $('[data-card-link]');
    if (first) { event.preventDefault(); first.focus(); }
  } else if (event.key === 'Enter' && active >= 0) {
    event.preventDefault();
    choose(options[active].dataset.value);
  } else if (event.key === 'Escape') {
    event.preventDefault();
    if (!list.hidden) closeList();
    else if (box.value) { box.value = ''; typed(0); }
  }
});
list.addEventListener('mousedown', (event) => {
  const item = event.target.closest('[role=option]');
  if (item) { event.preventDefault(); choose(item.dataset.value); }
});
box.addEventListener('blur', closeList);

// --- between the cards -------------------------------------------------------------------------
const card = (element) => element && element.closest('[data-card]');
const onCard = (element) => Boolean(card(element)) && !element.closest('.menu');
function step(from, by) {
  const links = $$('[data-card-link]');
  const at = links.findIndex((each) => card(each) === card(from));
  const to = links[at + by];
  if (to) { to.focus(); card(to).scrollIntoView({ block: 'nearest' }); } else if (at + by < 0) box.focus();
}
function columns() {
  const links = $$('[data-card]');
  const top = links[0]?.offsetTop;
  const next = links.findIndex((each) => each.offsetTop !== top);
  return next > 0 ? next : Math.max(links.length, 1);
}
onKey('ArrowRight', (at) => step(at, 1), onCard);
onKey('ArrowLeft', (at) => step(at, -1), onCard);
onKey('ArrowDown', (at) => step(at, columns()), onCard);
onKey('ArrowUp', (at) => step(at, -columns()), onCard);
onKey('e', (at) => { const link = $('[data-explain]', card(at)); if (link) link.click(); }, onCard);
onKey('m', (at) => { const link = $('.menu a[href*="like="]', card(at)); if (link) link.click(); }, onCard);
onKey('Escape', () => box.focus(), (at) => Boolean(card(at)));

// --- pinning and hiding: at once, with a way back ----------------------------------------------
document.addEventListener('submit', async (event) => {
  const form_ = event.target.closest('form[action^="/rules/"]');
  if (!form_) return;
  event.preventDefault();
  const action = event.submitter.value;
  const fields = Object.fromEntries(new FormData(form_));
  try {
    const { rules } = await post(form_.getAttribute('action'), { ...fields, action });
    await show(here(), 'read');
    toast(action === 'pin' ? 'Pinned' : 'Hidden', {
      undo: async () => { await post(form_.getAttribute('action'), { remove: rules.join(',') }); await show(here(), 'read'); },
    });
  } catch (error) { toast(error.message); }
});

// --- pictures: dropped, pasted, chosen, by address ---------------------------------------------
async function byPicture(file) {
  const failed = $('[data-picture-error]');
  failed.hidden = true;
  if (!file) return;
  const done = busy(column);
  try {
    const { pic } = await post('/picture', file, { type: file.type || 'application/octet-stream' });
    $('#picture').close();
    await withPicture(pic);
  } catch (error) {
    if (!$('#picture').open) open('picture');
    failed.textContent = error.message;
    failed.hidden = false;
  } finally { done(); }
}
async function withPicture(pic) {
  const state = new URLSearchParams(asked());
  for (const name of ['pic', 'box.x', 'box.y', 'box.w', 'box.h', 'like', 'unlike', 'page']) state.delete(name);
  state.set('pic', pic);
  settle();
  await show(state.toString(), 'push');
}
const pictureOf = (transfer) => [...(transfer?.files ?? [])].find((file) => file.type.startsWith('image/'));

for (const type of ['dragenter', 'dragover']) {
  addEventListener(type, (event) => {
    if (![...(event.dataTransfer?.types ?? [])].includes('Files')) return;
    event.preventDefault();
    $('.box').classList.add('over');
  });
}
addEventListener('dragleave', (event) => { if (!event.relatedTarget) $('.box').classList.remove('over'); });
addEventListener('drop', (event) => {
  $('.box').classList.remove('over');
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  const file = pictureOf(event.dataTransfer);
  if (file) byPicture(file); else toast('That is no picture');
});
addEventListener('paste', (event) => {
  const file = pictureOf(event.clipboardData);
  if (file) { event.preventDefault(); byPicture(file); }
});
$('[data-picture-file]').addEventListener('change', (event) => { byPicture(event.target.files[0]); event.target.value = ''; });
$('[data-picture-form]').addEventListener('submit', (event) => {
  const address = $('[data-picture-url]').value.trim();
  if (!address) { event.preventDefault(); return; }
  withPicture(`u:${address}`);
});

// --- the price: two handles that do not cross, committed on change ------------------------------
document.addEventListener('input', (event) => {
  const range = event.target.closest('[data-range]');
  if (!range) return;
  const [from, to] = $$('[data-range]', range.closest('[data-ranges]'));
  if (Number(from.value) > Number(to.value)) { if (range === from) from.value = to.value; else to.value = from.value; }
  const ends = { from: $('#price-from'), to: $('#price-to') };
  ends.from.value = from.value === from.min ? '' : round(from.value);
  ends.to.value = to.value === to.max ? '' : round(to.value);
});
document.addEventListener('change', (event) => {
  if (event.target.matches('[data-range]')) { settle(); show(asked(), 'push'); }
});
const round = (value) => (Number(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100);

// --- the filters: beside the products where there is room, else in a dialog ---------------------
const room = matchMedia('(min-width: 1024px)');
const sheet = $('#sheet');
let after = null; // what has the focus when the dialog is gone
function place() {
  if (room.matches) sheet.close();
  $('#filters').open = room.matches || sheet.open;
}
document.addEventListener('click', (event) => {
  if (event.target.closest('[data-shut]')) {
    after = '#results-title';
    sheet.close();
  } else if (!room.matches && event.target.closest('#filters-head')) {
    event.preventDefault();
    after = '#filters-head';
    sheet.append($('[data-part=side]'));
    $('#filters').open = true;
    sheet.showModal();
  }
});
sheet.addEventListener('close', () => {
  $('.layout').prepend($('[data-part=side]'));
  place();
  const at = $(after);
  at.focus({ preventScroll: true });
  if (after === '#results-title') at.scrollIntoView({ block: 'start' });
});
room.addEventListener('change', place);
place();
