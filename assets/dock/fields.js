/** Form fields made from a parameter's JSON Schema. */

import { button, el } from './dom.js';
import { label } from './words.js';

const RANGE_STEPS = 100;
const LONG_TEXT = 200;
let count = 0;

/**
 * One field: `{name, element, read(), complain(text)}`.
 *
 * `read()` returns the value, undefined for one that is left to the desk, and raises BadField when
 * the schema does not allow what is written. Null for a schema that this page does not understand.
 */
export function fieldFor(name, schema, isRequired) {
  if (typeof schema !== 'object' || schema === null) return null;
  if (Array.isArray(schema.enum)) return choice(name, schema, isRequired);
  switch (schema.type) {
    case 'integer':
    case 'number':
      return schema.format === 'seed' ? seed(name, schema) : number(name, schema, isRequired);
    case 'boolean':
      return toggle(name, schema);
    case 'string':
      return string(name, schema, isRequired);
    default:
      return null;
  }
}

/** A value that the schema does not allow; `message` says what it allows. */
export class BadField extends Error {}

function number(name, schema, isRequired) {
  const whole = schema.type === 'integer';
  const bounds = { min: finite(schema.minimum), max: finite(schema.maximum) };
  const input = el('input', {
    type: 'number',
    inputmode: whole ? 'numeric' : 'decimal',
    step: whole ? '1' : 'any',
    min: bounds.min,
    max: bounds.max,
    value: finite(schema.default),
    required: isRequired,
  });
  const parts = [input];
  if (bounds.min !== null && bounds.max !== null && bounds.max > bounds.min) {
    const slider = el('input', {
      type: 'range',
      min: bounds.min,
      max: bounds.max,
      step: whole ? 1 : step(bounds.max - bounds.min),
      value: finite(schema.default) ?? bounds.min,
      tabindex: '-1', // the number beside it is the same thing for the keyboard
      'aria-hidden': 'true',
    });
    slider.addEventListener('input', () => {
      input.value = slider.value;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    });
    input.addEventListener('input', () => {
      if (input.value !== '') slider.value = input.value;
    });
    parts.unshift(slider);
  }
  return field(name, input, parts, () => checkedNumber(input, whole, bounds, isRequired), between(bounds));
}

function seed(name, schema) {
  const bounds = {
    min: finite(schema.minimum) ?? 0,
    max: finite(schema.maximum) ?? Number.MAX_SAFE_INTEGER,
  };
  const input = el('input', {
    type: 'number',
    inputmode: 'numeric',
    step: '1',
    min: bounds.min,
    max: bounds.max,
    value: finite(schema.default),
    placeholder: 'random',
  });
  const dice = button('Roll', {
    icon: 'dice',
    on: () => {
      input.value = String(draw(bounds));
      input.dispatchEvent(new Event('input', { bubbles: true }));
    },
  });
  dice.setAttribute('aria-label', `Roll a ${label(name).toLowerCase()}`);
  const hint = 'Left empty, each job draws its own.';
  return field(name, input, [input, dice], () => checkedNumber(input, true, bounds, false), hint);
}

function choice(name, schema, isRequired) {
  const select = el('select', { required: isRequired });
  const hasDefault = schema.enum.includes(schema.default);
  if (!hasDefault) select.append(el('option', { value: '', text: 'Choose…' }));
  schema.enum.forEach((value, index) => {
    const selected = hasDefault && value === schema.default;
    select.append(el('option', { value: String(index), text: String(value), selected }));
  });
  return field(name, select, [select], () => {
    if (select.value !== '') return schema.enum[Number(select.value)];
    if (isRequired) throw new BadField('Choose one.');
    return undefined;
  });
}

function toggle(name, schema) {
  const input = el('input', { type: 'checkbox', checked: schema.default === true });
  const made = field(name, input, [input], () => input.checked);
  made.element.classList.add('field-toggle');
  return made;
}

function string(name, schema, isRequired) {
  const most = finite(schema.maxLength);
  const isLong = most === null || most > LONG_TEXT;
  const input = isLong
    ? el('textarea', { rows: '3', maxlength: most, required: isRequired })
    : el('input', { type: 'text', maxlength: most, required: isRequired });
  input.value = typeof schema.default === 'string' ? schema.default : '';
  return field(name, input, [input], () => {
    if (isRequired && input.value === '') throw new BadField('This has to be filled in.');
    return input.value;
  });
}

/** The label, the control, a hint and a place for what is wrong, tied together for every reader. */
function field(name, control, parts, read, hint = '') {
  count += 1;
  const id = `field-${count}`;
  control.id = id;
  control.dataset.param = name;
  const wrong = el('p', { class: 'wrong', id: `${id}-wrong`, hidden: true });
  const hinted = hint ? el('span', { class: 'hint', id: `${id}-hint`, text: hint }) : null;
  control.setAttribute('aria-describedby', hint ? `${id}-hint ${id}-wrong` : `${id}-wrong`);
  const head = el('div', { class: 'field-head' }, el('label', { for: id, text: label(name) }), hinted);
  const element = el('div', { class: 'field' }, head, el('div', { class: 'control' }, ...parts), wrong);
  const complain = (text) => {
    wrong.textContent = text;
    wrong.hidden = text === '';
    control.setAttribute('aria-invalid', String(text !== ''));
  };
  control.addEventListener('input', () => complain(''));
  return { name, element, control, read, complain };
}

function checkedNumber(input, whole, bounds, isRequired) {
  if (input.value.trim() === '' && !input.validity.badInput) {
    if (isRequired) throw new BadField(`Write a ${whole ? 'whole ' : ''}number.`);
    return undefined;
  }
  const value = input.valueAsNumber;
  const fits =
    Number.isFinite(value) &&
    (!whole || Number.isSafeInteger(value)) &&
    (bounds.min === null || value >= bounds.min) &&
    (bounds.max === null || value <= bounds.max);
  if (!fits) throw new BadField(`Write a ${whole ? 'whole ' : ''}number${within(bounds)}.`);
  return value;
}

function draw({ min, max }) {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  const drawn = (high & 0x1fffff) * 2 ** 32 + low; // 53 bits: what JSON and JavaScript keep exactly
  const room = max - min + 1;
  return min + (Number.isSafeInteger(room) ? drawn % room : drawn);
}

function step(range) {
  return Number((10 ** Math.floor(Math.log10(range / RANGE_STEPS))).toPrecision(1)) * 5;
}

function between({ min, max }) {
  if (min !== null && max !== null) return `${min} to ${max}`;
  if (min !== null) return `at least ${min}`;
  return max === null ? '' : `at most ${max}`;
}

function within({ min, max }) {
  if (min !== null && max !== null) return ` from ${min} to ${max}`;
  if (min !== null) return ` of at least ${min}`;
  return max === null ? '' : ` of at most ${max}`;
}

function finite(value) {
  return Number.isFinite(value) ? value : null;
}
