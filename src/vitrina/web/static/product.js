// A product: its other pictures in the place of the large one.
import { $, $$ } from './core.js';

document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-large]');
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const large = $('#large');
  delete large.dataset.fallback;
  large.src = link.href;
  for (const each of $$('[data-large]')) each.toggleAttribute('aria-current', each === link);
});
