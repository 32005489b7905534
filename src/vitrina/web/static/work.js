// The work as it goes: server-sent events while the page is seen; files dropped; the doctor.
import { $, busy, part, post, say, swap, toast } from './core.js';

const number = (value) => Number(value).toLocaleString('en');
const now = () => new Date().toLocaleTimeString('en-GB');
let source = null;
let last = null;
let renewing = 0;
let again = 0;
let fresh = true;

function told(text) { const live = $('[data-live]'); if (live) live.textContent = text; }

function show(work) {
  for (const name of ['done', 'queued', 'running', 'failed']) {
    const place = $(`[data-figure=${name}]`);
    if (place) place.textContent = number(work[name]);
  }
  const failed = $('[data-figure=failed]');
  if (failed) failed.classList.toggle('bad', work.failed > 0);
  const spent = $('[data-figure=spent]');
  if (spent && work.spent !== null) spent.textContent = work.spent;
  const bar = $('[data-bar]');
  const left = work.queued + work.running;
  if (bar) { bar.max = Math.max(work.done + left + work.failed, 1); bar.value = work.done; }
  const rate = $('[data-rate]');
  if (rate && left) {
    rate.textContent = `${number(left)} to go${work.running ? '' : '; no worker is at work'}`
      + (work.running && work.per_s ? `, ${work.per_s} a second` : '')
      + (work.running && work.eta_s ? `, about ${work.eta_s > 90 ? `${Math.round(work.eta_s / 60)} minutes` : `${work.eta_s} seconds`}` : '');
  } else if (rate) rate.textContent = 'Nothing waits.';
}

/** The parts that events do not carry, at most every five seconds. */
function renew() {
  if (renewing) return;
  renewing = setTimeout(async () => {
    renewing = 0;
    try { swap(await part('/part/work')); } catch { /* the next event tries again */ }
  }, fresh ? 0 : 5000);
  fresh = false;
}

/** Listen again by and by: the server has stopped, or had no room. */
function later() {
  stop();
  told('lost, trying again');
  again = setTimeout(listen, 3000);
}

function listen() {
  if (source || document.hidden || !$('[data-live]')) return;
  source = new EventSource('/events/work');
  source.addEventListener('open', () => { fresh = true; });
  source.addEventListener('bye', later);
  source.addEventListener('work', (event) => {
    const work = JSON.parse(event.data);
    show(work);
    told(`updated ${now()}`);
    const ended = last && last.queued + last.running > 0 && work.queued + work.running === 0;
    if (last) renew(); else fresh = false;
    if (ended) say('All work is done', 0);
    last = work;
  });
  source.addEventListener('failure', (event) => {
    const { reason, n } = JSON.parse(event.data);
    if (last) say(`${n} failed: ${reason}`, 0);
  });
  source.addEventListener('lost', (event) => told(JSON.parse(event.data).reason));
  // a browser tries again by itself, but not after an answer that is no stream
  source.addEventListener('error', () => { if (source && source.readyState === EventSource.CLOSED) later(); else told('lost, trying again'); });
}
function stop() { clearTimeout(again); if (source) source.close(); source = null; }
document.addEventListener('visibilitychange', () => (document.hidden ? stop() : listen()));
addEventListener('pagehide', stop);
addEventListener('pageshow', listen);
listen();

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-doctor]');
  if (!button) return;
  button.disabled = true;
  const done = busy();
  try { swap(await part('/part/work/doctor')); say('Examined', 0); } catch (error) { toast(error.message); button.disabled = false; } finally { done(); }
});

const drop = $('[data-drop]');
async function take(file) {
  if (!file) return;
  const done = busy(drop);
  try {
    const { id } = await post(`/work/file?name=${encodeURIComponent(file.name)}`, file, { type: 'application/octet-stream' });
    location.href = `/work/file/${id}`;
  } catch (error) { toast(error.message, { seconds: 20 }); } finally { done(); }
}
if (drop) {
  $('#file').addEventListener('change', (event) => { take(event.target.files[0]); });
  for (const kind of ['dragover', 'dragenter']) addEventListener(kind, (event) => {
    if (![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    drop.classList.add('over');
  });
  addEventListener('dragleave', (event) => { if (!event.relatedTarget) drop.classList.remove('over'); });
  addEventListener('drop', (event) => { event.preventDefault(); drop.classList.remove('over'); take(event.dataTransfer.files[0]); });
}

// What loading would do depends on the source: it is looked at again.
const named = $('[data-reread]');
if (named) named.addEventListener('change', () => { location.href = `${named.dataset.reread}?${new URLSearchParams({ source: named.value })}`; });
