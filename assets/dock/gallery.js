/** A job's results as tiles. */

import { el, icon } from './dom.js';
import { fileFacts } from './words.js';

const PLAIN = new Set(['image']);

/** Keeps one tile a file, in the order of the files; a tile that did not change is left alone. */
export class Gallery {
  /** `open(key)` shows a file large; `stale()` is told when a URL does not work any more. */
  constructor({ open, stale }) {
    this.open = open;
    this.stale = stale;
    this.tiles = new Map(); // by key: {element, url}
    this.element = el('ul', { class: 'gallery', hidden: true });
  }

  show(files) {
    const shown = files.filter((file) => file.url !== null);
    const keys = new Set(shown.map((file) => file.key));
    // files of several stages often have the same name
    this.namesStages = new Set(shown.map((file) => file.stage)).size > 1;
    for (const [key, tile] of this.tiles) {
      if (keys.has(key)) continue;
      tile.element.remove();
      this.tiles.delete(key);
    }
    shown.forEach((file, index) => {
      const tile = this.tile(file);
      if (this.element.children[index] !== tile.element) {
        this.element.insertBefore(tile.element, this.element.children[index] ?? null);
      }
    });
    this.element.hidden = shown.length === 0;
  }

  tile(file) {
    const known = this.tiles.get(file.key);
    // a signed URL is another one at each look; the picture behind it is the same
    const face = JSON.stringify([file.kind, file.partial, file.sizeBytes, file.width, this.namesStages]);
    if (known?.face === face && !known.broken) {
      known.save.href = file.url;
      return known;
    }
    const save = downloadLink(file, 'bare');
    const tile = { face, broken: false, save };
    const show = el(
      'button',
      {
        type: 'button',
        class: 'tile',
        'aria-label': `Show ${file.name} large`,
        on: { click: () => this.open(file.key) },
      },
      this.picture(file, tile),
    );
    if (file.partial) show.append(el('span', { class: 'badge', text: 'partial' }));
    const name = this.namesStages && file.stage ? `${file.stage} · ${file.name}` : file.name;
    tile.element = el('li', {}, show, caption(file, name), save);
    tile.element.dataset.key = file.key;
    known?.element.replaceWith(tile.element);
    this.tiles.set(file.key, tile);
    return tile;
  }

  picture(file, tile) {
    const url = PLAIN.has(file.kind) ? (file.thumbUrl ?? file.url) : file.thumbUrl;
    if (url === null) return icon({ video: 'film', audio: 'sound' }[file.kind] ?? 'file');
    return el('img', {
      src: url,
      alt: '',
      loading: 'lazy',
      decoding: 'async',
      on: {
        error: () => {
          tile.broken = true;
          this.stale();
        },
      },
    });
  }
}

/** A link that saves a file; one of another origin opens beside this page instead. */
export function downloadLink(file, kind = '') {
  const near = new URL(file.url).origin === location.origin;
  return el(
    'a',
    {
      class: `button ${kind}`.trim(),
      href: file.url,
      download: file.name,
      rel: 'noopener noreferrer',
      target: near ? null : '_blank',
      'aria-label': `Download ${file.name}`,
    },
    icon('download'),
    kind === 'bare' ? null : el('span', { text: 'Download' }),
  );
}

function caption(file, name) {
  return el(
    'div',
    { class: 'caption' },
    el('span', { class: 'name', text: name, title: name }),
    el('span', { class: 'hint', text: fileFacts(file) }),
  );
}
