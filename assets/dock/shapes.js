/** The states' shapes: each can be told from the others without its colour. */

import { svg } from './dom.js';

const RADIUS = 4.5;
const LINES = {
  tick: 'M2.8 6.6 5.2 9.2 9.8 3',
  cross: 'M3 3 9 9M9 3 3 9',
  dash: 'M2.6 6h6.8',
};
const SHARES = { quarter: 0.25, half: 0.5, most: 0.75 };

/** A small SVG that takes its colour from the text around it. */
export function shape(name) {
  const drawing = svg('svg', { class: 'shape', viewBox: '0 0 12 12', 'aria-hidden': 'true' });
  if (name in LINES) {
    drawing.append(svg('path', { d: LINES[name], class: 'stroke' }));
    return drawing;
  }
  const round = { cx: 6, cy: 6, r: RADIUS };
  drawing.append(svg('circle', { ...round, class: name === 'disc' ? 'fill' : 'stroke' }));
  if (name in SHARES) drawing.append(svg('path', { d: pie(SHARES[name]), class: 'fill' }));
  return drawing;
}

/** A piece of the disc, clockwise from the top. */
function pie(share) {
  const angle = 2 * Math.PI * share;
  const x = (6 + RADIUS * Math.sin(angle)).toFixed(3);
  const y = (6 - RADIUS * Math.cos(angle)).toFixed(3);
  return `M6 6V${6 - RADIUS}A${RADIUS} ${RADIUS} 0 ${share > 0.5 ? 1 : 0} 1 ${x} ${y}Z`;
}
