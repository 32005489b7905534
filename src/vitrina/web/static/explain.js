// Explain a card beside the search, from its menu; a page of its own on small screens.
import { $, busy, part, toast } from './core.js';

const wide = () => matchMedia('(min-width: 1024px)').matches;
let dialog;

function panel() {
  if (dialog) return dialog;
  dialog = document.createElement('dialog');
  dialog.className = 'side';
  dialog.setAttribute('aria-labelledby', 'why-title');
  const head = document.createElement('div');
  head.className = 'row';
  const title = Object.assign(document.createElement('h1'), { id: 'why-title', textContent: 'Why is it here?' });
  const close = Object.assign(document.createElement('button'), { type: 'button', className: 'quiet', textContent: 'Close' });
  close.addEventListener('click', () => dialog.close());
  head.append(title, close);
  const body = Object.assign(document.createElement('div'), { className: 'why-body' });
  dialog.append(head, body);
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  return dialog;
}

async function show(address, back) {
  const done = busy();
  try {
    const parsed = await part(address.replace(/^[^?]*/, '/part/explain'));
    const box = panel();
    $('.why-body', box).replaceChildren(document.importNode($('[data-part=explain]', parsed), true));
    const whole = Object.assign(document.createElement('a'), { href: address, textContent: 'Open as a page' });
    $('.why-body', box).append(whole);
    box.addEventListener('close', () => back && back.isConnected && back.focus(), { once: true });
    if (!box.open) box.showModal();
  } catch (error) { toast(error.message); } finally { done(); }
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-explain]');
  if (!link || !wide() || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const menu = link.closest('details');
  if (menu) menu.open = false;
  show(link.getAttribute('href'), $('[data-card-link]', link.closest('[data-card]') || document));
});
