/** Which jobs are followed live. */

import { isFinal } from './job.js';

/**
 * Over HTTP/1.1 a browser opens six connections to a host, for all its windows together: were
 * every job followed, nothing could be uploaded or shown any more. The others are asked for in
 * turns, and a window that nobody sees follows none.
 */
export const MOST = 3;
export const ASK_EVERY_MS = 5_000;

export class Streams {
  /** `refresh()` reads the list again; it may fail. */
  constructor(feed, jobs, refresh) {
    this.feed = feed;
    this.jobs = jobs;
    this.refresh = refresh;
    this.stops = new Map();
    this.resting = false;
    this.timer = null;
    this.sawChange = () => this.sync();
    jobs.addEventListener('change', this.sawChange);
  }

  /** Follow nothing for now: the window is hidden, or the desk does not answer. */
  rest(resting) {
    this.resting = resting;
    this.sync();
  }

  sync() {
    const open = this.resting ? [] : this.jobs.open().filter(isFollowable);
    const wanted = new Set(open.slice(0, MOST).map((job) => job.id));
    for (const jobId of [...this.stops.keys()]) {
      const job = this.jobs.get(jobId);
      // a job that is followed stays so until it ends: turns taken would only cost connections
      if (this.resting || job === null || isFinal(job)) this.stop(jobId);
    }
    for (const jobId of wanted) {
      if (this.stops.size >= MOST) break;
      if (!this.stops.has(jobId)) this.start(jobId);
    }
    const unfollowed = open.some((job) => !this.stops.has(job.id));
    if (unfollowed && this.timer === null) {
      this.timer = setInterval(this.refresh, ASK_EVERY_MS);
    } else if (!unfollowed && this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  start(jobId) {
    const after = this.jobs.get(jobId).seq;
    const stop = this.feed.follow(jobId, after, {
      event: (name, data) => this.jobs.hear(jobId, name, data),
      lost: () => this.jobs.look(jobId), // what was missed, and whether anybody answers at all
    });
    this.stops.set(jobId, stop);
  }

  stop(jobId) {
    this.stops.get(jobId)();
    this.stops.delete(jobId);
  }
}

function isFollowable(job) {
  // one whose files never came has nothing to tell, and may stay so for a day
  return job.status !== null || job.upload !== null;
}
