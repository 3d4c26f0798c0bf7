/** Choosing files: by a button, by dropping them, or by pasting a picture. */

import { button, el, icon, setShown } from './dom.js';
import { label, size } from './words.js';

const ACCEPT = {
  image: 'image/*',
  mask: 'image/*',
  video: 'video/*',
  audio: 'audio/*',
  model3d: '.glb,.gltf,.obj,.ply,.stl,.fbx,.usdz,.splat',
  text: 'text/*,.txt,.json,.md,.csv,.srt,.vtt',
};
const NOUNS = {
  image: 'picture',
  mask: 'mask',
  video: 'film',
  audio: 'recording',
  model3d: '3D model',
  text: 'text file',
};
const MOST_FILES = 20;
let count = 0;

/** One input's files; with `many` every file becomes a job of its own. */
export class Picker {
  constructor({ name, kind, maxBytes, many, isOnly, changed }) {
    this.name = name;
    this.kind = kind;
    this.maxBytes = maxBytes;
    this.many = many;
    this.isOnly = isOnly;
    this.changed = changed;
    this.chosen = []; // {file, url}
    count += 1;
    const id = `picker-${count}`;
    const noun = NOUNS[kind] ?? 'file';
    this.input = el('input', {
      type: 'file',
      id,
      class: 'unseen',
      accept: ACCEPT[kind],
      multiple: many,
      'aria-describedby': `${id}-wrong`,
      on: {
        change: () => {
          this.add([...this.input.files]);
          this.input.value = ''; // so that the same file can be chosen again
        },
      },
    });
    this.input.dataset.input = name;
    this.list = el('ul', { class: 'chosen' });
    this.wrong = el('p', { class: 'wrong', id: `${id}-wrong`, hidden: true });
    const title = isOnly ? label(noun) : label(name);
    this.prompt = el(
      'label',
      { class: isOnly ? 'drop' : 'drop small', for: id },
      icon('picture'),
      el('strong', { text: `Choose ${many ? `${noun}s` : `a ${noun}`}` }),
      el('span', { class: 'hint', text: 'or drop or paste here' }),
    );
    this.element = el(
      'div',
      { class: 'field picker' },
      el(
        'div',
        { class: 'field-head' },
        el('label', { for: id, text: title }),
        maxBytes ? el('span', { class: 'hint', text: `up to ${size(maxBytes)}` }) : null,
      ),
      this.input,
      this.prompt,
      this.list,
      this.wrong,
    );
  }

  get files() {
    return this.chosen.map(({ file }) => file);
  }

  /** Take files; what is too large or not of the kind is refused in words. */
  add(files) {
    this.complain('');
    for (const file of files) {
      const refusal = this.refusal(file);
      if (refusal) {
        this.complain(refusal);
        continue;
      }
      if (!this.many) this.drop(...this.chosen);
      this.chosen.push({ file, url: isPicture(file) ? URL.createObjectURL(file) : null });
    }
    this.draw();
  }

  clear() {
    this.drop(...this.chosen);
    this.complain('');
    this.draw();
  }

  complain(text) {
    this.wrong.textContent = text;
    setShown(this.wrong, text !== '');
    this.input.setAttribute('aria-invalid', String(text !== ''));
  }

  refusal(file) {
    if (this.maxBytes && file.size > this.maxBytes) {
      return `${file.name} has ${size(file.size)}, and at most ${size(this.maxBytes)} fit. Choose a smaller file.`;
    }
    if (file.size === 0) return `${file.name} is empty. Choose another file.`;
    const major = { image: 'image/', mask: 'image/', video: 'video/', audio: 'audio/' }[this.kind];
    if (major && file.type && !file.type.startsWith(major)) {
      return `${file.name} is not a ${NOUNS[this.kind]}. Choose another file.`;
    }
    if (this.many && this.chosen.length >= MOST_FILES) {
      return `At most ${MOST_FILES} files at a time: send these first.`;
    }
    return '';
  }

  drop(...gone) {
    for (const item of gone) if (item.url) URL.revokeObjectURL(item.url);
    this.chosen = this.chosen.filter((item) => !gone.includes(item));
  }

  draw() {
    this.prompt.classList.toggle('small', !this.isOnly || this.chosen.length > 0);
    this.list.replaceChildren(...this.chosen.map((item) => this.row(item)));
    this.changed();
  }

  row(item) {
    const remove = button('Remove', {
      icon: 'close',
      kind: 'bare',
      on: () => {
        this.drop(item);
        this.draw();
        this.input.focus();
      },
    });
    remove.setAttribute('aria-label', `Remove ${item.file.name}`);
    return el(
      'li',
      {},
      item.url ? el('img', { src: item.url, alt: '' }) : icon('file'),
      el('span', { class: 'name', text: item.file.name, title: item.file.name }),
      el('span', { class: 'hint', text: size(item.file.size) }),
      remove,
    );
  }
}

/** Files that are dropped anywhere on the page, or pasted, go to `take(files)`. */
export function catchFiles(take) {
  let depth = 0;
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  const show = (isOver) => document.body.classList.toggle('dropping', isOver);
  addEventListener('dragenter', (event) => {
    if (!carries(event)) return;
    depth += 1;
    show(true);
  });
  addEventListener('dragleave', (event) => {
    if (!carries(event)) return;
    depth = Math.max(0, depth - 1);
    show(depth > 0);
  });
  addEventListener('dragover', (event) => {
    if (carries(event)) event.preventDefault();
  });
  addEventListener('drop', (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    show(false);
    take([...event.dataTransfer.files], event.target);
  });
  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) take(files, event.target);
  });
}

function isPicture(file) {
  return /^image\/(png|jpeg|webp|gif|avif|bmp)$/.test(file.type);
}
