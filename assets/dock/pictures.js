/**
 * Small copies of what was sent, kept in this browser: the API hands out results, not inputs, and a
 * result is best judged beside what it was made from.
 */

const DATABASE = 'jigdesk';
const STORE = 'sent';
const MOST = 100;
const LONGEST_SIDE = 1600;

export class SentPictures {
  constructor() {
    this.database = null;
    this.urls = new Map(); // job id → {name, url}; url is null for what is no picture
  }

  /** Keep a copy of a job's first file; a file that is no picture leaves its name. */
  async keep(jobId, file) {
    const blob = await shrink(file);
    this.remember(jobId, file.name, blob);
    try {
      const store = await this.open('readwrite');
      await done(store.put({ jobId, name: file.name, blob, at: Date.now() }));
      await this.forgetOldest(store);
    } catch {
      // no storage, or none left: the copy lasts as long as this page
    }
  }

  /** `{name, url}` of what was sent; null when it is not known here. */
  async find(jobId) {
    if (this.urls.has(jobId)) return this.urls.get(jobId);
    try {
      const found = await done((await this.open('readonly')).get(jobId));
      if (found) this.remember(jobId, found.name, found.blob);
    } catch {
      // as above
    }
    return this.urls.get(jobId) ?? null;
  }

  remember(jobId, name, blob) {
    this.urls.set(jobId, { name, url: blob ? URL.createObjectURL(blob) : null });
  }

  async open(mode) {
    this.database ??= openDatabase();
    return (await this.database).transaction(STORE, mode).objectStore(STORE);
  }

  async forgetOldest(store) {
    const over = (await done(store.count())) - MOST;
    if (over <= 0) return;
    const oldest = await done(store.index('at').getAllKeys(null, over));
    for (const key of oldest) store.delete(key);
  }
}

async function shrink(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null; // no picture, or none that this browser can read
  }
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/webp', 0.85));
}

function openDatabase() {
  const opening = indexedDB.open(DATABASE, 1);
  opening.addEventListener('upgradeneeded', () => {
    const store = opening.result.createObjectStore(STORE, { keyPath: 'jobId' });
    store.createIndex('at', 'at');
  });
  return done(opening);
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
  });
}
