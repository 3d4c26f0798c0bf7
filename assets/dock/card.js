/** A job on the page. Everything in a card keeps its place while its words change. */

import { button, el, icon, setShown, setText } from './dom.js';
import { Gallery, downloadLink } from './gallery.js';
import { isFinal, results } from './job.js';
import { shape } from './shapes.js';
import { advice, age, doing, etaWords, shownState, stateOf } from './words.js';

const BAR_STATES = new Set(['sending', 'preparing', 'running', 'uploading', 'confirming']);

export class Card {
  /** `actions`: cancel, retry, sendAgain, canSendAgain, open(job, key) and look, each of a job id. */
  constructor(job, actions, sent) {
    this.job = job;
    this.actions = actions;
    this.shape = el('span', { class: 'state-shape' });
    this.word = el('span', { class: 'state-word' });
    this.state = el('p', { class: 'state' }, this.shape, this.word);
    this.title = el('h3', { id: `title-${job.id}` });
    this.file = el('span', { class: 'file' });
    this.time = el('time', { class: 'age' });
    this.doing = el('span', { class: 'doing' });
    this.percent = el('span', { class: 'percent' });
    this.eta = el('span', { class: 'eta' });
    this.fill = el('div', { class: 'bar-fill' });
    this.bar = el(
      'div',
      { class: 'bar', role: 'progressbar', 'aria-valuemin': '0', 'aria-valuemax': '100' },
      this.fill,
    );
    this.progress = el(
      'div',
      { class: 'progress' },
      el('p', { class: 'progress-words' }, this.doing, this.eta, this.percent),
      this.bar,
    );
    this.why = el('p', { class: 'why' });
    this.todo = el('p', { class: 'todo' });
    this.trouble = el('p', { class: 'wrong' });
    this.picture = el('img', { alt: '', hidden: true });
    this.holder = icon('picture');
    this.thumb = el('div', { class: 'thumb' }, this.holder, this.picture);
    this.gallery = new Gallery({
      open: (key) => actions.open(this.job, key),
      stale: () => actions.look(this.job.id),
    });
    this.cancel = button('Cancel', { icon: 'cancel', on: () => actions.cancel(job.id) });
    this.retry = button('Retry', { icon: 'retry', on: () => actions.retry(job.id) });
    this.again = button('Send again', { icon: 'send', on: () => actions.sendAgain(job.id) });
    this.save = el('span', { hidden: true });
    this.actionRow = el('div', { class: 'actions' }, this.cancel, this.save, this.retry, this.again);
    this.article = el(
      'article',
      { class: 'card', 'aria-labelledby': `title-${job.id}` },
      this.thumb,
      el(
        'div',
        { class: 'card-main' },
        el('div', { class: 'card-head' }, this.title, this.file, this.state, this.time),
        this.progress,
        this.why,
        this.todo,
        this.trouble,
        this.actionRow,
      ),
      this.gallery.element,
    );
    this.element = el('li', {}, this.article);
    this.element.dataset.jobId = job.id;
    this.sent = null;
    sent.find(job.id).then((found) => this.knowSent(found));
  }

  /** What was sent: its name, and its picture as the card's own until there is a newer one. */
  knowSent(found) {
    this.sent = found;
    setText(this.file, found?.name ?? '');
    this.file.title = found?.name ?? '';
    this.drawThumb();
  }

  update(job, nowMs) {
    this.job = job;
    const shown = shownState(job);
    const state = stateOf(job);
    if (this.element.dataset.status !== shown) {
      this.element.dataset.status = shown;
      this.state.dataset.tone = state.tone;
      this.shape.replaceChildren(shape(state.shape));
      setText(this.word, state.word);
    }
    setText(this.title, job.title || 'Job');
    setText(this.doing, doing(job));
    setText(this.eta, etaWords(job, nowMs));
    this.drawBar(job, shown);
    this.drawTrouble(job);
    this.drawThumb();
    this.gallery.show(results(job));
    this.drawSingle(results(job).filter((file) => file.url !== null));
    const focused = this.actionRow.contains(document.activeElement) ? document.activeElement : null;
    const isSending = job.upload?.phase === 'sending';
    setShown(this.cancel, (job.status !== null && !isFinal(job)) || isSending);
    const mayRetry = job.status === 'cancelled' || (job.status === 'failed' && job.error?.retryable);
    setShown(this.retry, Boolean(mayRetry));
    // not `disabled`, which would throw the focus away; a second click does nothing
    for (const item of [this.cancel, this.retry]) item.ariaDisabled = String(job.asked !== null);
    setShown(this.again, shown === 'unsent' && this.actions.canSendAgain(job.id));
    const acts = [this.cancel, this.retry, this.again, this.save].filter((item) => !item.hidden);
    setShown(this.actionRow, acts.length > 0);
    // whoever works by keyboard stays at this card when the button under the finger goes
    if (focused?.closest('[hidden]')) this.stay(acts[0]);
    this.tick(nowMs);
  }

  stay(action) {
    const next = action?.querySelector('a') ?? action ?? this.article;
    if (next === this.article) next.tabIndex = -1;
    next.focus({ preventScroll: true });
  }

  /** What changes by time alone. */
  tick(nowMs) {
    const { createdAt } = this.job;
    if (createdAt !== null) {
      const iso = new Date(createdAt).toISOString();
      if (this.time.dateTime !== iso) {
        this.time.dateTime = iso;
        this.time.title = new Date(createdAt).toLocaleString();
      }
      setText(this.time, age(nowMs - createdAt));
    }
    setText(this.eta, etaWords(this.job, nowMs));
  }

  drawBar(job, shown) {
    setShown(this.progress, !isFinal(job) || doing(job) !== '');
    const hasBar = BAR_STATES.has(shown);
    this.bar.classList.toggle('resting', !hasBar);
    setShown(this.bar, !isFinal(job) && shown !== 'unsent');
    const sending = shown === 'sending';
    const done = sending ? job.upload.sent / Math.max(1, job.upload.total) : job.progress;
    this.bar.classList.toggle('sending', sending);
    this.bar.classList.toggle('busy', hasBar && done === null);
    const name = sending ? `Sending ${job.title}` : `Progress of ${job.title}`;
    this.bar.setAttribute('aria-label', name);
    this.bar.setAttribute('aria-valuetext', [stateOf(job).word, doing(job)].filter(Boolean).join(', '));
    if (done === null || !hasBar) {
      this.bar.removeAttribute('aria-valuenow');
      this.fill.style.removeProperty('--done');
      setText(this.percent, '');
      return;
    }
    const percent = Math.floor(done * 100);
    this.bar.setAttribute('aria-valuenow', String(percent));
    this.fill.style.setProperty('--done', String(done));
    setText(this.percent, `${percent} %`);
  }

  drawTrouble(job) {
    const failed = job.status === 'failed' && job.error !== null;
    const unsent = job.upload?.phase === 'failed';
    setText(this.why, failed ? job.error.message : unsent ? job.upload.message : '');
    setText(this.todo, failed ? advice(job.error) : '');
    setText(this.trouble, job.trouble);
    for (const line of [this.why, this.todo, this.trouble]) setShown(line, line.textContent !== '');
  }

  /** The one result of a job needs no gallery: it becomes the card's picture. */
  drawSingle(files) {
    const isSingle = isFinal(this.job) && this.job.filesComplete && files.length === 1;
    this.article.classList.toggle('single', isSingle);
    setShown(this.save, isSingle);
    if (!isSingle) return;
    const [link] = this.save.children;
    if (link) link.href = files[0].url;
    else this.save.append(downloadLink(files[0]));
  }

  drawThumb() {
    const url = this.job.previewUrl ?? this.sent?.url ?? null;
    if (url !== null && this.picture.getAttribute('src') !== url) this.picture.src = url;
    setShown(this.picture, url !== null);
    setShown(this.holder, url === null);
    // beside its results a card needs no placeholder
    const hasResults = results(this.job).length > 0;
    this.article.classList.toggle('no-thumb', url === null && hasResults);
  }
}
