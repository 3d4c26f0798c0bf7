/** The large view of a result, beside what it was made from. */

import { button, el, icon, setShown, setText } from './dom.js';
import { downloadLink } from './gallery.js';
import { fileFacts } from './words.js';

export class Viewer {
  constructor(sent) {
    this.sent = sent;
    this.files = [];
    this.index = 0;
    this.before = null;
    this.name = el('h2', { id: 'viewer-name' });
    this.facts = el('span', { class: 'hint' });
    this.place = el('span', { class: 'hint' });
    this.stage = el('div', { class: 'stage' });
    this.links = el('span', { class: 'links' });
    this.previous = button('Previous', { icon: 'previous', kind: 'bare', on: () => this.step(-1) });
    this.next = button('Next', { icon: 'next', kind: 'bare', on: () => this.step(1) });
    this.close = button('Close', { icon: 'close', kind: 'bare', on: () => this.dialog.close() });
    this.split = el('input', {
      type: 'range',
      min: '0',
      max: '100',
      step: '1',
      value: '50',
      'aria-label': 'How much of the picture before is shown',
      on: { input: () => this.drawSplit() },
    });
    this.compare = el(
      'div',
      { class: 'compare' },
      el('span', { class: 'hint', text: 'Before' }),
      this.split,
      el('span', { class: 'hint', text: 'After' }),
    );
    this.dialog = el(
      'dialog',
      {
        class: 'viewer',
        'aria-labelledby': 'viewer-name',
        on: {
          click: (event) => event.target === this.dialog && this.dialog.close(),
          keydown: (event) => this.key(event),
          close: () => this.stage.replaceChildren(), // nothing plays on
        },
      },
      el(
        'header',
        {},
        el('div', { class: 'viewer-title' }, this.name, this.facts),
        this.place,
        this.previous,
        this.next,
        this.links,
        this.close,
      ),
      this.stage,
      this.compare,
    );
    document.body.append(this.dialog);
  }

  /** Show the file `key` among `files`, those of one job that have a URL. */
  async open(jobId, files, key) {
    this.files = files;
    this.index = Math.max(0, files.findIndex((file) => file.key === key));
    this.before = await this.sent.find(jobId);
    this.draw();
    if (!this.dialog.open) this.dialog.showModal();
  }

  step(by) {
    this.index = (this.index + by + this.files.length) % this.files.length;
    this.draw();
  }

  key(event) {
    if (event.target === this.split || this.files.length < 2) return;
    if (event.key === 'ArrowLeft') this.step(-1);
    if (event.key === 'ArrowRight') this.step(1);
  }

  draw() {
    const file = this.files[this.index];
    const isMany = this.files.length > 1;
    setText(this.name, file.name);
    setText(this.facts, [file.stage, fileFacts(file)].filter(Boolean).join(' · '));
    setText(this.place, isMany ? `${this.index + 1} of ${this.files.length}` : '');
    setShown(this.previous, isMany);
    setShown(this.next, isMany);
    this.links.replaceChildren(downloadLink(file));
    const hasBefore = file.kind === 'image' && Boolean(this.before?.url);
    setShown(this.compare, hasBefore);
    this.stage.replaceChildren(this.show(file, hasBefore ? this.before.url : null));
  }

  show(file, beforeUrl) {
    if (file.kind === 'video' || file.kind === 'audio') {
      return el(file.kind, { src: file.url, controls: true, class: 'media' });
    }
    if (file.kind !== 'image') {
      const words = 'This kind of file cannot be shown here. Download it to open it.';
      return el('p', { class: 'quiet' }, icon('file'), el('span', { text: words }));
    }
    const after = el('img', { class: 'after', src: file.url, alt: `The result ${file.name}` });
    this.frame = el('div', { class: 'frame' }, after);
    if (file.width && file.height) this.proportion(file.width, file.height);
    after.addEventListener('load', () => this.proportion(after.naturalWidth, after.naturalHeight));
    if (beforeUrl !== null) {
      const before = el('img', { class: 'before', src: beforeUrl, alt: 'The picture before' });
      this.frame.append(before, el('div', { class: 'split', 'aria-hidden': 'true' }));
      this.frame.addEventListener('pointerdown', (event) => this.drag(event));
      this.frame.addEventListener('pointermove', (event) => event.buttons === 1 && this.drag(event));
      this.drawSplit();
    }
    return this.frame;
  }

  proportion(width, height) {
    if (!width || !height) return;
    this.frame.style.setProperty('--wide', String(width));
    this.frame.style.setProperty('--high', String(height));
  }

  drag(event) {
    event.preventDefault(); // no picture is dragged off, no text selected
    const box = this.frame.getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width) * 100;
    this.split.value = String(Math.round(Math.min(100, Math.max(0, share))));
    this.drawSplit();
  }

  drawSplit() {
    this.frame?.style.setProperty('--split', `${this.split.value}%`);
  }
}
