/** The job dock: builds the parts and connects them. */

import { JobsApi, Unreachable } from './api.js';
import { Card } from './card.js';
import { Reach } from './desk.js';
import { button, el, setShown, setText } from './dom.js';
import { DeskFeed } from './feed.js';
import { JobForm } from './form.js';
import { clientId } from './identity.js';
import { isFinal, results } from './job.js';
import { Jobs } from './jobs.js';
import { catchFiles } from './picker.js';
import { SentPictures } from './pictures.js';
import { Parcel, Stopped, Turns, contentType, safeNames } from './send.js';
import { Streams } from './streams.js';
import { Origins } from './urls.js';
import { Viewer } from './viewer.js';
import { counted, refusalWords, shownState, stateOf } from './words.js';

const TICK_MS = 1_000;
/** Another window of this browser may have made jobs. */
const LOOK_AROUND_MS = 30_000;
/** Uploads at a time: with the streams they must leave a connection for everything else. */
const MOST_UPLOADS = 2;
const NARROW = '(max-width: 860px)';

const at = (id) => document.getElementById(id);

class Dock {
  constructor() {
    const client = clientId();
    this.reach = new Reach();
    this.origins = new Origins();
    this.api = new JobsApi(client, (reached) => this.reach.heard(reached));
    this.jobs = new Jobs(this.api, this.origins);
    this.refresh = () => this.tryTo(() => this.jobs.refresh());
    this.streams = new Streams(new DeskFeed(client), this.jobs, this.refresh);
    this.sent = new SentPictures();
    this.viewer = new Viewer(this.sent);
    this.form = new JobForm(at('new-form'), (wanted) => this.create(wanted));
    this.cards = new Map();
    this.parcels = new Map(); // by job id, until they are up
    this.turns = new Turns(MOST_UPLOADS);
    this.asked = new Set(); // jobs whose results were asked for when they came into sight
    this.complaint = '';
    this.said = new Map();
    this.seen = new IntersectionObserver((entries) => this.onSeen(entries), { rootMargin: '200px' });
  }

  start() {
    this.jobs.addEventListener('change', ({ detail }) => (detail ? this.draw(detail) : this.drawAll()));
    this.reach.probe = () => this.load();
    this.reach.addEventListener('lost', () => this.rest());
    this.reach.addEventListener('back', () => this.rest());
    document.addEventListener('visibilitychange', () => {
      this.rest();
      if (!document.hidden) this.refresh();
    });
    addEventListener('beforeunload', (event) => {
      if (this.parcels.size && this.jobs.all().some((job) => job.upload?.phase === 'sending')) {
        event.preventDefault();
      }
    });
    at('more').addEventListener('click', () => this.more());
    at('empty-choose').addEventListener('click', () => this.form.browse());
    catchFiles((files, target) => this.form.take(files, target));
    setInterval(() => this.tick(), TICK_MS);
    setInterval(() => !document.hidden && this.reach.isThere && this.refresh(), LOOK_AROUND_MS);
    return this.load();
  }

  /** Read what the desk offers and which jobs there are. */
  async load() {
    await this.tryTo(async () => this.form.offer(await this.api.workflows()));
    if (this.reach.isThere) await this.refresh();
  }

  /** Run a read; what the desk refuses is said above everything, with a way to try again. */
  async tryTo(read) {
    try {
      await read();
      this.complaint = '';
    } catch (error) {
      // a desk that is gone is said by `reach`
      if (!(error instanceof Unreachable)) this.complaint = refusalWords(error);
    }
    this.drawBanner();
  }

  rest() {
    this.streams.rest(document.hidden || !this.reach.isThere);
    this.drawBanner();
  }

  async more() {
    at('more').disabled = true;
    await this.tryTo(() => this.jobs.more());
    at('more').disabled = false;
  }

  /** Announce a job and begin to upload it. Raises what the API refuses. */
  async create({ workflow, title, params, inputs }) {
    const names = Object.keys(inputs);
    const chosen = Object.values(inputs);
    const paths = safeNames(chosen);
    const request = {
      task: workflow,
      params,
      inputs: Object.fromEntries(names.map((name, index) => [name, paths[index]])),
    };
    const files = chosen.map((file, index) => ({ name: paths[index], file }));
    const announced = files.map(({ name, file }) => ({
      name,
      size_bytes: file.size,
      content_type: contentType(file),
    }));
    const created = await this.api.create(request, announced);
    const manifest = {
      version: 1,
      job_id: created.job_id,
      client_id: this.api.clientId,
      created_at: new Date().toISOString(),
      ...request,
    };
    const parcel = new Parcel(created, files, manifest, this.origins);
    this.parcels.set(created.job_id, parcel);
    if (chosen.length) await this.sent.keep(created.job_id, chosen[0]);
    const job = this.jobs.add(created.job_id, title);
    this.upload(job, parcel);
    if (matchMedia(NARROW).matches) at('jobs').scrollIntoView({ block: 'start' });
  }

  async upload(job, parcel) {
    const show = (upload) => {
      if (job.status !== null) return; // the desk knows more by now
      job.upload = upload;
      this.jobs.touch(job);
    };
    const total = parcel.totalBytes;
    show({ phase: 'sending', sent: 0, total, message: '' });
    try {
      const told = (sent) => show({ phase: 'sending', sent, total, message: '' });
      await this.turns.run(() => parcel.send(told));
      this.parcels.delete(job.id);
      show({ phase: 'sent', sent: total, total, message: '' });
    } catch (error) {
      const message = error instanceof Stopped ? 'You stopped the upload.' : error.message;
      show({ phase: 'failed', sent: 0, total, message });
    }
  }

  cancel(jobId) {
    const parcel = this.parcels.get(jobId);
    // a parcel also stays whose last answer was lost: the desk has that job
    if (parcel && this.jobs.get(jobId).status === null) parcel.stop();
    else this.jobs.command(jobId, 'cancel');
  }

  onSeen(entries) {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) this.complete(this.jobs.get(target.dataset.jobId));
    }
  }

  /** The list says how a job ended, but not what it made. */
  complete(job) {
    if (job === null || job.filesComplete || !isFinal(job) || this.asked.has(job.id)) return;
    this.asked.add(job.id);
    this.jobs.look(job.id);
  }

  open(job, key) {
    const files = results(job).filter((file) => file.url !== null);
    if (files.length) this.viewer.open(job.id, files, key);
  }

  drawAll() {
    const list = at('cards');
    const jobs = this.jobs.all();
    jobs.forEach((job, index) => {
      const card = this.card(job);
      if (list.children[index] !== card.element) {
        list.insertBefore(card.element, list.children[index] ?? null);
      }
      this.draw(job);
    });
    setShown(at('loading'), !this.jobs.loaded && jobs.length === 0);
    setShown(at('empty'), this.jobs.loaded && jobs.length === 0);
    setShown(at('more'), this.jobs.nextCursor !== null);
  }

  draw(job) {
    this.card(job).update(job, Date.now());
    this.announce(job);
    this.drawSummary();
  }

  card(job) {
    let card = this.cards.get(job.id);
    if (card === undefined) {
      const actions = {
        cancel: (jobId) => this.cancel(jobId),
        retry: (jobId) => this.jobs.command(jobId, 'retry'),
        sendAgain: (jobId) => this.upload(this.jobs.get(jobId), this.parcels.get(jobId)),
        canSendAgain: (jobId) => this.parcels.has(jobId),
        open: (shown, key) => this.open(shown, key),
        look: (jobId) => this.jobs.mayLook(jobId) && this.jobs.look(jobId),
      };
      card = new Card(job, actions, this.sent);
      this.cards.set(job.id, card);
      this.seen.observe(card.element);
    }
    return card;
  }

  /**
   * Say a change of state, and each quarter of the way, to who listens; the first sight of a job is
   * no change.
   */
  announce(job) {
    const state = shownState(job);
    const quarter = state === 'running' ? Math.floor((job.progress ?? 0) * 4) * 25 : 0;
    const news = quarter ? `${state}, ${quarter} %` : state;
    const before = this.said.get(job.id);
    this.said.set(job.id, news);
    if (before === undefined || before === news) return;
    const words = [stateOf(job).word.toLowerCase(), quarter ? `${quarter} %` : ''].filter(Boolean);
    const why = state === 'failed' && job.error ? `: ${job.error.message}` : '';
    setText(at('announcer'), `${job.title || 'Job'}: ${words.join(', ')}${why}`);
  }

  drawSummary() {
    const open = this.jobs.all().filter((job) => job.status !== null && !isFinal(job)).length;
    setText(at('summary'), open ? `${counted(open, 'job')} under way` : '');
  }

  drawBanner() {
    const banner = at('banner');
    const words = this.reach.isThere
      ? this.complaint
      : 'The desk does not answer. Your jobs are safe; trying again…';
    const kind = this.reach.isThere ? 'refused' : 'gone';
    if (banner.dataset.words !== words) {
      banner.dataset.words = words;
      banner.dataset.kind = kind;
      banner.replaceChildren(el('span', { text: words }));
      if (kind === 'refused') banner.append(button('Try again', { on: () => this.load() }));
    }
    setShown(banner, words !== '');
  }

  tick() {
    if (document.hidden) return;
    const now = Date.now();
    for (const card of this.cards.values()) card.tick(now);
  }
}

new Dock().start();
