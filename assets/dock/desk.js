/** Whether the desk answers, and what happens while it does not. */

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 8_000;

export class Reach extends EventTarget {
  constructor() {
    super();
    this.isThere = true;
    this.waitMs = FIRST_WAIT_MS;
    this.timer = null;
    this.probe = async () => {};
  }

  /** Told after every call. Events `lost` and `back` say when that changes. */
  heard(reached) {
    if (reached === this.isThere) return;
    this.isThere = reached;
    this.dispatchEvent(new Event(reached ? 'back' : 'lost'));
    clearTimeout(this.timer);
    if (!reached) {
      this.waitMs = FIRST_WAIT_MS;
      this.later();
    }
  }

  later() {
    this.timer = setTimeout(async () => {
      this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
      await this.probe(); // it tells `heard` by itself
      if (!this.isThere) this.later();
    }, this.waitMs);
  }
}
