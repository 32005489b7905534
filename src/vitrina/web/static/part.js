// A box on the picture that is searched by: drawn with a pointer, or moved by keys; the numbers are its state.
import { $ } from './core.js';

const LEAST = 0.02, STEP = 0.02;
const sides = ['x', 'y', 'w', 'h'];
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
const field = (side) => $(`[data-side=${side}]`);
const numbers = () => Object.fromEntries(sides.map((side) => [side, Number(field(side).value)]));

/** Show a box on the picture and in the numbers. */
function draw({ x, y, w, h }) {
  const given = { x, y, w, h };
  for (const side of sides) field(side).value = String(Math.round(given[side] * 1e4) / 1e4);
  paint();
}

/** Show what the numbers say. */
function paint() {
  const svg = $('[data-box]');
  if (!svg) return;
  const { x, y, w, h } = numbers();
  const rect = $('rect', svg);
  for (const [name, value] of [['x', x], ['y', y], ['width', w], ['height', h]]) rect.setAttribute(name, String(clamp(value, 0, 1)));
  $('[data-shade]', svg).setAttribute('d', `M0 0H1V1H0Z M${x} ${y}h${w}v${h}h${-w}Z`);
}

/** Search by it: the fields are of the form of the search, which listens to changes. */
function search() { field('x').dispatchEvent(new Event('change', { bubbles: true })); }

const at = (svg, event) => {
  const area = svg.getBoundingClientRect();
  return { x: clamp((event.clientX - area.left) / area.width, 0, 1), y: clamp((event.clientY - area.top) / area.height, 0, 1) };
};

let from = null;
document.addEventListener('pointerdown', (event) => {
  const svg = event.target.closest('[data-box]');
  if (!svg || event.button) return;
  event.preventDefault();
  svg.focus();
  svg.setPointerCapture(event.pointerId);
  from = { ...at(svg, event), svg, moved: false };
});
document.addEventListener('pointermove', (event) => {
  if (!from || !from.svg.isConnected) return;
  const to = at(from.svg, event);
  const w = Math.abs(to.x - from.x), h = Math.abs(to.y - from.y);
  if (w < LEAST || h < LEAST) return;
  from.moved = true;
  draw({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), w, h });
});
document.addEventListener('pointerup', () => {
  const moved = from?.moved;
  from = null;
  if (moved) search();
});
document.addEventListener('pointercancel', () => { from = null; });

document.addEventListener('keydown', (event) => {
  if (!event.target.closest('[data-box]')) return;
  if (event.key === 'Enter') { event.preventDefault(); search(); return; }
  const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
  if (!by) return;
  event.preventDefault();
  const { x, y, w, h } = numbers();
  if (event.shiftKey) draw({ x, y, w: clamp(w + by[0], LEAST, 1 - x), h: clamp(h + by[1], LEAST, 1 - y) });
  else draw({ x: clamp(x + by[0], 0, 1 - w), y: clamp(y + by[1], 0, 1 - h), w, h });
});
document.addEventListener('input', (event) => { if (event.target.matches('[data-side]')) paint(); });

// the picture is there again with each answer
new MutationObserver(paint).observe($('.column'), { childList: true });
paint();
