/**
 * Where events come from. This is the one module to replace for Pusher: a feed has
 *
 *   follow(jobId, afterSeq, {event(name, data), lost(), live()}) → stop()
 *
 * `event` is called for each event of the job that is newer than `afterSeq` (older ones do no
 * harm: whoever reads them drops them), `lost` when the connection broke, `live` when it is there
 * (again). A feed reconnects by itself until it is stopped. On Pusher: subscribe to the job's
 * channel, bind these names, and map `subscription_succeeded` to `live`.
 */

export const EVENTS = [
  'job:inputs',
  'job:accepted',
  'job:progress',
  'job:new_files',
  'job:completed',
  'job:failed',
  'job_done',
  'job_error',
];

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

/** The desk's own event stream. */
export class DeskFeed {
  constructor(clientId) {
    this.clientId = clientId;
  }

  follow(jobId, afterSeq, { event, lost = () => {}, live = () => {} }) {
    let newest = afterSeq;
    let source = null;
    let timer = null;
    let waitMs = FIRST_WAIT_MS;
    const hear = (name) => (message) => {
      const data = parse(message.data);
      if (data === null || data.job_id !== jobId) return;
      if (Number.isSafeInteger(data.seq)) newest = Math.max(newest, data.seq);
      event(name, data);
    };
    const open = () => {
      const query = new URLSearchParams({
        client_id: this.clientId,
        last_event_id: String(newest),
      });
      source = new EventSource(`/events/${encodeURIComponent(jobId)}?${query}`);
      for (const name of EVENTS) source.addEventListener(name, hear(name));
      source.addEventListener('open', () => {
        waitMs = FIRST_WAIT_MS;
        live();
      });
      source.addEventListener('error', () => {
        // a network error: the browser would ask again after seconds of its own choosing, and
        // after a refusal never; one way for both is simpler to trust
        source.close();
        timer = setTimeout(open, waitMs * (0.75 + Math.random() / 2));
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
        lost();
      });
    };
    open();
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }
}

function parse(text) {
  try {
    const data = JSON.parse(text);
    return typeof data === 'object' && data !== null ? data : null;
  } catch {
    return null;
  }
}
