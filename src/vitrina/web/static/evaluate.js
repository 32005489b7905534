// Grading: a click or a digit saves, and the next product that has no grade gets the focus.
import { $, $$, onKey, post, say, toast } from './core.js';

const candidate = (at) => at && at.closest('[data-candidate]');
const open = () => $$('[data-candidate]:not(.has)');
let last = null;

function count() {
  const all = $$('[data-candidate]').length;
  const graded = all - open().length;
  $('[data-count]').textContent = `${graded} of ${all} graded`;
  $('[data-part=candidates] progress').value = graded;
  return [graded, all];
}

function next(card) {
  const cards = $$('[data-candidate]');
  const after = cards.slice(cards.indexOf(card) + 1);
  const to = after.find((each) => !each.classList.contains('has')) || open()[0];
  if (to) to.focus(); else $('#graded-head').focus();
}

function press(card, grade) {
  for (const button of $$('[name=grade]', card)) {
    if (button.value === String(grade)) button.setAttribute('aria-pressed', 'true');
    else button.removeAttribute('aria-pressed');
  }
  card.classList.toggle('has', grade !== '');
}

async function save(card, grade, undoing = false) {
  const form = $('[data-grade]', card);
  const before = ($('[aria-pressed=true]', card) || { value: '' }).value;
  const told = $('[data-told]', card);
  press(card, grade);
  card.classList.add('saving');
  told.textContent = 'saving';
  if (!undoing) next(card);
  const fields = Object.fromEntries(new FormData(form));
  try {
    await post('/evaluate/grade', { ...fields, grade });
    told.textContent = 'saved';
    last = undoing ? null : { card, before };
    const [graded, all] = count();
    if (graded === all) say('All are graded', 0);
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
  save(candidate(event.target), event.submitter.value);
});
for (const grade of ['0', '1', '2', '3']) onKey(grade, (at) => save(candidate(at), grade), (at) => candidate(at) && $('[data-grade]', candidate(at)));
onKey('l', (at) => next(candidate(at)), candidate);
onKey('u', () => { if (last) { last.card.focus(); save(last.card, last.before, true); } }, () => last !== null);
const move = (step) => (at) => {
  const cards = $$('[data-candidate]');
  const to = cards[cards.indexOf(candidate(at)) + step];
  if (to) to.focus();
};
onKey('ArrowRight', move(1), candidate);
onKey('ArrowLeft', move(-1), candidate);

const first = open()[0];
if (first && $('[data-grade]', first) && location.search) first.focus({ preventScroll: true });
