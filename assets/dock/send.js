/** Sending a job as any web site would: announce it, upload its files, and its manifest last. */

const TRIES_AFTER_MS = [1_000, 4_000];
/** Headers that a browser sets itself and lets no page set. */
const BROWSERS_OWN = new Set(['host', 'content-length', 'connection', 'origin', 'user-agent']);
const TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;
const MAX_NAME = 80;
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d|conin|conout)$/i;

/** An upload did not succeed; `message` says what to do. */
export class UploadFailed extends Error {}

/** The upload was ended by the reader. */
export class Stopped extends Error {}

/** What a page holds to upload a job, and to upload it again when that broke off. */
export class Parcel {
  /** `files`: a list of `{name, file}`; `created`: the 201's body; `manifest`: request.json. */
  constructor(created, files, manifest, origins) {
    const byName = new Map(files.map(({ name, file }) => [name, file]));
    this.stopping = new AbortController();
    this.puts = [];
    for (const grant of Array.isArray(created.uploads) ? created.uploads : []) {
      const file = byName.get(grant?.name);
      if (file !== undefined) this.puts.push({ ...granted(grant, origins), body: file, done: false });
    }
    if (this.puts.length !== files.length) throw new UploadFailed('The desk did not take every file.');
    const json = new Blob([JSON.stringify(manifest)], { type: 'application/json' });
    this.puts.push({ ...granted(created.manifest_upload, origins), body: json, done: false });
    this.totalBytes = this.puts.reduce((sum, put) => sum + put.body.size, 0);
  }

  /**
   * Upload what is not up yet, in order. `progress(sentBytes, totalBytes)`; raises UploadFailed
   * or Stopped, and may be called again after either.
   */
  async send(progress) {
    let before = 0;
    const { signal } = this.stopping;
    try {
      for (const put of this.puts) {
        const told = (bytes) => progress(before + bytes, this.totalBytes);
        if (!put.done) await upload(put, told, signal);
        put.done = true;
        before += put.body.size;
        told(0);
      }
    } finally {
      if (signal.aborted) this.stopping = new AbortController();
    }
  }

  stop() {
    this.stopping.abort();
  }
}

/** Lets `most` pieces of work run at a time; the others wait in the order in which they came. */
export class Turns {
  constructor(most) {
    this.free = most;
    this.waiting = [];
  }

  async run(work) {
    if (this.free > 0) this.free -= 1;
    else await new Promise((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}

/** The media type as the API takes it: lower case, without parameters. */
export function contentType(file) {
  const type = file.type.split(';')[0].trim().toLowerCase();
  return TYPE.test(type) ? type : 'application/octet-stream';
}

/** Names that every platform takes, each once; `files`: a list of File. */
export function safeNames(files) {
  const taken = new Set(['request.json', 'instructions.txt']);
  return files.map((file) => {
    const [, stem, , ending] = /^(.*?)(\.([A-Za-z0-9]{1,10}))?$/s.exec(file.name);
    const kept = plain(stem).slice(0, MAX_NAME) || 'file';
    // a prefix in front of what Windows takes for a device
    const base = DEVICE.test(kept) ? `file-${kept}` : kept;
    const whole = (text) => (ending ? `${text}.${ending.toLowerCase()}` : text);
    let name = whole(base);
    for (let count = 2; taken.has(name.toLowerCase()); count += 1) name = whole(`${base}-${count}`);
    taken.add(name.toLowerCase());
    return name;
  });
}

function plain(text) {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '') // é is e now
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '');
}

function granted(grant, origins) {
  const url = origins.vouched(grant?.url);
  if (url === null || grant.method !== 'PUT') {
    throw new UploadFailed('The desk named no place to upload to that this page may use.');
  }
  const headers = Object.entries(grant.headers ?? {}).filter(
    ([name, value]) => typeof value === 'string' && !BROWSERS_OWN.has(name.toLowerCase()),
  );
  return { url, headers };
}

async function upload(put, told, signal) {
  for (const waitMs of [...TRIES_AFTER_MS, null]) {
    const status = await once(put, told, signal);
    if (status >= 200 && status < 300) return;
    const mayPass = status === 0 || status === 408 || status === 429 || status >= 500;
    if (!mayPass || waitMs === null) throw new UploadFailed(why(status));
    await pause(waitMs, signal);
  }
}

/** One PUT; answers its status, 0 when there was no answer. fetch tells no upload progress. */
function once(put, told, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new Stopped());
      return;
    }
    const request = new XMLHttpRequest();
    request.open('PUT', put.url);
    for (const [name, value] of put.headers) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', (event) => told(event.loaded));
    request.addEventListener('load', () => resolve(request.status));
    request.addEventListener('error', () => resolve(0));
    request.addEventListener('abort', () => reject(new Stopped()));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(put.body);
  });
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    const end = () => {
      clearTimeout(timer);
      reject(new Stopped());
    };
    signal.addEventListener('abort', end, { once: true });
  });
}

function why(status) {
  if (status === 0) return 'The upload broke off: check the connection, then send it again.';
  if (status === 403) return 'The store did not take the file: send it as a new job.';
  if (status >= 500) return 'The store is busy: send it again in a while.';
  return `The store refused the file (${status}): send it as a new job.`;
}
