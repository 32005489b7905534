// Reviewing the vocabulary by keys, and loading a file.
import { $, busy, onKey, part, post, say, swap, toast } from './core.js';

const pair = () => $('[data-pair]');
const onPair = (at) => pair() && (at === document.body || pair().contains(at) || at === $('#main'));

async function next(skip) {
  const { path } = pair().dataset;
  swap(await part(`/part${path}?skip=${skip}`));
  pair().focus({ preventScroll: true });
  say($('#doubt').textContent, 0);
  history.replaceState(null, '', skip ? `${path}?skip=${skip}` : path);
}

let last = null;
async function undo() {
  if (!last) return;
  const change = last;
  last = null;
  try {
    await post('/vocabulary/undo', { change });
    await next(0);
    toast(`Change ${change} is undone`);
  } catch (error) { toast(error.message); }
}

async function answer(form, value) {
  if (pair().hasAttribute('aria-busy')) return;
  const done = busy(pair());
  const fields = Object.fromEntries(new FormData(form));
  try {
    const found = await post(form.getAttribute('action'), { ...fields, answer: value });
    last = found.change || null;
    await next(pair().dataset.skip);
    toast(`${fields.term}: ${value}`, last ? { undo } : {});
  } catch (error) { toast(error.message); } finally { done(); if (pair()) pair().removeAttribute('aria-busy'); }
}

document.addEventListener('submit', (event) => {
  if (!event.target.matches('[data-answer]')) return;
  event.preventDefault();
  answer(event.target, event.submitter.value);
});
document.addEventListener('click', (event) => {
  const later = event.target.closest('[data-later]');
  if (!later || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  next(new URL(later.href).searchParams.get('skip')).catch((error) => toast(error.message));
});
for (const key of ['s', 'd', 'n', 'a']) {
  onKey(key, () => { const button = $(`[data-answer] [data-key=${key}]`); if (button) button.click(); }, onPair);
}
onKey('l', () => { const later = $('[data-later]'); if (later) later.click(); }, onPair);
onKey('u', undo, onPair);

const seed = $('#seed');
if (seed) seed.addEventListener('change', async () => {
  const [file] = seed.files;
  if (!file) return;
  const done = busy();
  try {
    const found = await post('/vocabulary/seed', file, { type: 'application/octet-stream' });
    location.href = found.change ? `/vocabulary?change=${found.change}` : '/vocabulary?nothing=1';
  } catch (error) { toast(error.message, { seconds: 20 }); } finally { done(); seed.value = ''; }
});
