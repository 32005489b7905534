// Grading: a click or a digit saves, and the next product that has no grade gets the focus.
import { $, $$, letters, onKey, post, say, toast } from './core.js';

const candidate = (at) => at && at.closest('[data-candidate]');
const open = () => $$('[data-candidate]:not(.has)');
let last = null;

function count() {
  const all = $$('[data-candidate]').length;
  const judged = all - open().length;
  const doubted = $$('[data-candidate]').filter((card) => card.dataset.doubt).length;
  $('[data-count]').textContent = `${judged - doubted} of ${all} graded${doubted ? `, ${doubted} in doubt` : ''}`;
  $('[data-part=candidates] progress').value = judged;
  return [judged, all];
}

function next(card) {
  const cards = $$('[data-candidate]');
  const after = cards.slice(cards.indexOf(card) + 1);
  const to = after.find((each) => !each.classList.contains('has')) || open()[0];
  if (to) to.focus(); else $('#graded-head').focus();
}

/** What is said of a product: a grade, or a reason for having none. */
function said(card) {
  return { grade: ($('[aria-pressed=true]', card) || { value: '' }).value, doubt: card.dataset.doubt };
}

function press(card, { grade, doubt }) {
  card.dataset.doubt = doubt;
  for (const button of $$('[name=grade]', card)) {
    if (button.value === String(grade)) button.setAttribute('aria-pressed', 'true');
    else button.removeAttribute('aria-pressed');
  }
  card.classList.toggle('has', grade !== '' || doubt !== '');
}

async function save(card, now, undoing = false) {
  const form = $('[data-grade]', card);
  const before = said(card);
  const told = $('[data-told]', card);
  press(card, now);
  $('.doubt', card).open = false;
  card.classList.add('saving');
  told.textContent = 'saving';
  if (!undoing) next(card);
  const fields = Object.fromEntries(new FormData(form));
  try {
    await post('/evaluate/grade', { ...fields, ...now });
    told.textContent = now.doubt ? `in doubt: ${now.doubt}` : 'saved';
    last = undoing ? null : { card, before };
    const [judged, all] = count();
    if (judged === all) say('All are judged', 0);
  } catch (error) {
    press(card, before);
    told.textContent = `not saved: ${error.message}`;
    count();
    toast(error.message);
  } finally { card.classList.remove('saving'); }
}

document.addEventListener('submit', (event) => {
  if (!event.target.matches('[data-grade]')) return;
  event.preventDefault();
  const doubt = new FormData(event.target).get('doubt');
  save(candidate(event.target), doubt === null ? { grade: event.submitter.value, doubt: '' } : { grade: '', doubt: doubt.trim() });
});
for (const grade of ['0', '1', '2', '3']) onKey(grade, (at) => save(candidate(at), { grade, doubt: '' }), (at) => candidate(at) && $('[data-grade]', candidate(at)));
onKey('l', (at) => next(candidate(at)), candidate);
onKey('c', (at) => {
  const doubt = $('.doubt', candidate(at));
  doubt.open = true;
  $('[name=doubt]', doubt).focus();
}, (at) => candidate(at) && $('.doubt', candidate(at)));
onKey('u', () => { if (last) { last.card.focus(); save(last.card, last.before, true); } }, () => last !== null);
const move = (step) => (at) => {
  const cards = $$('[data-candidate]');
  const to = cards[cards.indexOf(candidate(at)) + step];
  if (to) to.focus();
};
onKey('ArrowRight', move(1), candidate);
onKey('ArrowLeft', move(-1), candidate);

/** Where letters act, a card is one stop of the tabulator; else its buttons are. */
function stops() {
  for (const each of $$('.grades button, .doubt summary')) each.tabIndex = letters() ? -1 : 0;
}
stops();
document.addEventListener('change', (event) => { if (event.target.matches('[data-letters]')) stops(); });

const first = open()[0];
if (first && $('[data-grade]', first) && location.search) first.focus({ preventScroll: true });
