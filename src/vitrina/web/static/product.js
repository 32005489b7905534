// A product: its other pictures in the place of the large one.
import { $, $$ } from './core.js';

document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-large]');
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  let large = $('#large');
  if (!large) {
    large = Object.assign(document.createElement('img'), { id: 'large', alt: document.title, width: 480, height: 480 });
    $('.plate.large').replaceChildren(large);
  }
  delete large.dataset.fallback;
  large.src = link.href;
  for (const each of $$('[data-large]')) each.toggleAttribute('aria-current', each === link);
});
