/** Who this browser is: an id that is drawn once and kept. */

const KEY = 'jigdesk.client_id';
const SHAPE = /^[A-Za-z0-9_-]{8,64}$/;

/** The client id; where nothing can be kept, one that lasts as long as this page. */
export function clientId() {
  const kept = read(KEY);
  if (kept !== null && SHAPE.test(kept)) return kept;
  const drawn = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
  keep(KEY, drawn);
  return read(KEY) === drawn ? drawn : (fallback ??= drawn);
}

/** A small thing that is kept between visits; null when it is not there. */
export function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off
  }
}

/** Keep a small thing, where that can be done. */
export function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // switched off or full: this page then forgets when it is closed
  }
}

let fallback;
