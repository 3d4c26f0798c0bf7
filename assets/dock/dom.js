/** Building elements from text alone: nothing in here, and nothing that uses it, parses HTML. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Make an element. `attributes` are set as they are (`class`, `type`, `aria-label`, …), but for
 * `text`, which becomes its text, and `on`, a map of event listeners. A value of null, undefined
 * or false sets nothing, true sets the bare attribute.
 */
export function el(tag, attributes = {}, ...children) {
  const { text, on = {}, ...rest } = attributes;
  const node = document.createElement(tag);
  set(node, rest);
  if (text !== undefined && text !== null) node.textContent = String(text);
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Make an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  set(node, attributes);
  node.append(...children);
  return node;
}

/** One of the icons that dock.css names; it says nothing to a screen reader. */
export function icon(name) {
  return el('span', { class: `icon icon-${name}`, 'aria-hidden': 'true' });
}

/** A button with an icon and a verb. */
export function button(verb, { icon: name, kind = '', on } = {}) {
  const made = el('button', { type: 'button', class: `button ${kind}`.trim(), on: { click: on } });
  if (name) made.append(icon(name));
  made.append(el('span', { text: verb }));
  return made;
}

/** Replace a text only when it changed, so that nothing is selected away or read twice. */
export function setText(node, text) {
  const wanted = text ?? '';
  if (node.textContent !== wanted) node.textContent = wanted;
}

/** Hide or show, without a write when nothing changes. */
export function setShown(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? '' : String(value));
  }
}
