/** This browser's jobs: asked of the API, kept up to date by events, told to whoever shows them. */

import { ApiError, Unreachable } from './api.js';
import { isFinal, isJobId, newJob, takeEvent, takeSnapshot } from './job.js';

const PAGE = 20;
/** The step that runs is in the API's answer and not in the events; more often than this is waste. */
const LOOK_AGAIN_MS = 800;
const MAX_LOOKS = 3;
/** Signed URLs end after a while; a picture that is lost for good is not asked for again and again. */
const LOST_PICTURE_MS = 60_000;
const BUSY_MS = 5_000;

export class Jobs extends EventTarget {
  constructor(api, origins, clock = Date.now) {
    super();
    this.api = api;
    this.origins = origins;
    this.clock = clock;
    this.byId = new Map();
    this.nextCursor = null;
    this.loaded = false;
    this.lookedAt = new Map(); // when each job was asked for last
    this.soon = new Map(); // timers of looks to come
    this.looks = 0;
    this.waiting = [];
  }

  /** Newest first. */
  all() {
    return [...this.byId.values()].sort(
      (a, b) => (b.createdAt ?? Infinity) - (a.createdAt ?? Infinity) || (a.id < b.id ? 1 : -1),
    );
  }

  get(jobId) {
    return this.byId.get(jobId) ?? null;
  }

  /** Read the newest page again; what is known of older jobs stays. Raises as the API. */
  async refresh() {
    const page = await this.api.jobs({ limit: PAGE });
    if (!this.loaded) this.nextCursor = page.nextCursor;
    this.loaded = true;
    this.take(page.items);
  }

  /** Read the next page. Raises as the API. */
  async more() {
    const page = await this.api.jobs({ limit: PAGE, cursor: this.nextCursor });
    this.nextCursor = page.nextCursor;
    this.take(page.items);
  }

  /** A job that this page has just announced. */
  add(jobId, title) {
    const job = newJob(jobId, title);
    job.createdAt = this.clock();
    this.byId.set(jobId, job);
    this.tell();
    return job;
  }

  take(items) {
    for (const item of items) {
      if (typeof item !== 'object' || item === null || !isJobId(item.job_id)) continue;
      const job = this.byId.get(item.job_id) ?? newJob(item.job_id);
      this.byId.set(job.id, job);
      takeSnapshot(job, item, this.origins, this.clock());
    }
    this.tell();
  }

  /** An event of the feed. */
  hear(jobId, name, data) {
    const job = this.byId.get(jobId);
    if (job === undefined) return;
    const before = job.status;
    const { changed, ask } = takeEvent(job, name, data, this.origins, this.clock());
    if (job.status !== before) job.trouble = ''; // said of a state that is over
    if (changed) this.tell(job);
    if (ask) this.look(jobId);
    else if (changed && job.status === 'running') this.lookSoon(jobId);
  }

  /** Look now, or as soon as the last look is old enough. */
  lookSoon(jobId) {
    if (this.soon.has(jobId)) return;
    const age = this.clock() - (this.lookedAt.get(jobId) ?? 0);
    const later = () => {
      this.soon.delete(jobId);
      if (!isFinal(this.byId.get(jobId))) this.look(jobId);
    };
    this.soon.set(jobId, setTimeout(later, Math.max(0, LOOK_AGAIN_MS - age)));
  }

  /** Something that only this page knows of a job changed. */
  touch(job) {
    this.tell(job);
  }

  /** Ask the API for a job and its files; a few at a time, each once at a time. */
  look(jobId) {
    if (this.waiting.includes(jobId)) return;
    this.waiting.push(jobId);
    this.lookNext();
  }

  /** Cancel or retry; what the API refuses is said on the card. */
  async command(jobId, command) {
    const job = this.byId.get(jobId);
    if (job === undefined || job.asked !== null) return;
    job.asked = command;
    job.trouble = '';
    this.tell(job);
    try {
      await this.api.command(jobId, command);
    } catch (error) {
      job.trouble = error.message;
    }
    job.asked = null;
    this.look(jobId);
    this.tell(job);
  }

  /** Whether enough time passed that a picture which does not load is worth another look. */
  mayLook(jobId) {
    return this.clock() - (this.lookedAt.get(jobId) ?? 0) > LOST_PICTURE_MS;
  }

  async lookNext() {
    if (this.looks >= MAX_LOOKS || this.waiting.length === 0) return;
    const jobId = this.waiting.shift();
    this.lookedAt.set(jobId, this.clock());
    this.looks += 1;
    try {
      this.take([await this.api.job(jobId)]);
    } catch (error) {
      const job = this.byId.get(jobId);
      if (error instanceof Unreachable) return; // the page says so by itself, and reads all again
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 429 || error.status >= 500) {
        setTimeout(() => this.look(jobId), (error.retryAfterS ?? 0) * 1_000 || BUSY_MS);
      } else if (job) {
        job.trouble = error.message;
        this.tell(job);
      }
    } finally {
      this.looks -= 1;
      this.lookNext();
    }
  }

  /** The open jobs, the one that will end first before the others. */
  open() {
    const open = this.all().filter((job) => !isFinal(job));
    const rank = (job) => (job.progress !== null || job.status === 'running' ? 0 : 1);
    return open.reverse().sort((a, b) => rank(a) - rank(b));
  }

  tell(job = null) {
    this.dispatchEvent(new CustomEvent('change', { detail: job }));
  }
}
