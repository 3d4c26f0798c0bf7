/**
 * What is known of one job, and how news change it. Plain values; no page, no network.
 *
 * Everything that comes in is read field by field: a field of the wrong type is as if it were not
 * there.
 */

export const FINAL = new Set(['completed', 'failed', 'cancelled']);
const STATUSES = new Set([
  'accepted',
  'preparing',
  'queued',
  'running',
  'uploading',
  'confirming',
  ...FINAL,
]);
const JOB_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const KINDS = new Set(['image', 'video', 'audio', 'model3d', 'text', 'other']);
/** Readers of a job's events drop these when they are older than what is known. */
const DROPPED_WHEN_OLD = new Set(['job:progress', 'job:accepted']);
const MAX_FILES = 2_000;

export function isJobId(value) {
  return typeof value === 'string' && JOB_ID.test(value);
}

/** A job of which nothing is known but its id. */
export function newJob(id, title = '') {
  return {
    id,
    title,
    createdAt: null, // milliseconds
    status: null, // null until the desk accepted it
    seq: 0,
    attempt: null, // null while it is not known which attempt the news are of
    stage: null,
    stageIndex: null,
    stageCount: null,
    nodeTitle: null,
    progress: null, // 0 to 1
    etaS: null,
    etaAt: 0, // when etaS was told, in milliseconds
    message: '',
    position: null,
    error: null, // {code, message, retryable}
    files: new Map(), // by key
    filesComplete: false, // whether `files` is all there will be of this attempt
    previewUrl: null,
    previewAt: null, // which picture the API showed last, in its words
    previewsHeard: false, // whether events bring the pictures of this attempt
    upload: null, // what this page itself sends: {phase, sent, total, message}
    asked: null, // 'cancel' or 'retry' while the API has not answered
    trouble: '', // why that was refused
  };
}

export function isFinal(job) {
  return FINAL.has(job.status);
}

/** Take in an item of GET /api/jobs, or GET /api/jobs/{id}, which also has files. */
export function takeSnapshot(job, item, origins, nowMs) {
  job.title = text(item.title) ?? job.title;
  job.createdAt = moment(item.created_at) ?? job.createdAt;
  const files = Array.isArray(item.files) ? item.files : null;
  const seq = natural(item.seq) ?? 0;
  if (seq < job.seq) {
    if (files) mergeFiles(job, files, (url) => origins.vouched(url));
    return;
  }
  const status = STATUSES.has(item.status) ? item.status : null;
  const attempt = natural(item.attempt);
  if (status !== null) {
    const sameAttempt = attempt !== null && attempt === job.attempt;
    const progress = share(item.progress);
    if (status !== job.status || !sameAttempt) job.filesComplete = false;
    if (job.attempt !== null && !sameAttempt) dropPreview(job);
    job.progress = sameAttempt ? greater(job.progress, progress) : progress;
    job.status = status;
    job.seq = seq;
    job.attempt = attempt;
    job.stage = text(item.stage);
    job.stageIndex = natural(item.stage_index);
    job.stageCount = natural(item.stage_count);
    job.nodeTitle = text(item.node_title);
    takeEta(job, seconds(item.eta_s), nowMs);
    job.message = text(item.message) ?? '';
    job.error = isFinal(job) && status !== 'completed' ? failure(item.error) : null;
    job.upload = null;
    if (isFinal(job)) dropPreview(job);
    else takePreview(job, item, origins);
  }
  if (!files) return;
  if (isFinal(job)) {
    job.files.clear();
    job.filesComplete = true;
  }
  mergeFiles(job, files, (url) => origins.vouched(url));
}

/**
 * Take in an event. Returns `{changed, ask}`: whether anything is different now, and whether the
 * jobs API has to be asked for what the event could not carry.
 */
export function takeEvent(job, name, data, origins, nowMs) {
  const seq = natural(data.seq) ?? 0;
  const isOld = seq < job.seq;
  if (isOld && DROPPED_WHEN_OLD.has(name)) return { changed: false, ask: false };
  const ask = data.truncated === true;
  const expected = (url) => origins.expected(url);
  if (!isOld) job.seq = seq;
  switch (name) {
    case 'job:accepted':
      startAttempt(job, data);
      return { changed: true, ask };
    case 'job:progress':
      takeProgress(job, data, origins, nowMs);
      return { changed: true, ask };
    case 'job:new_files': {
      const lacking = mergeFiles(job, list(data.new_files), expected);
      return { changed: true, ask: ask || lacking };
    }
    case 'job:completed':
    case 'job_done': {
      if (isOld) return { changed: false, ask };
      end(job, 'completed');
      job.progress = 1;
      mergeFiles(job, list(data.files), expected);
      return { changed: true, ask: !job.filesComplete };
    }
    case 'job:failed':
    case 'job_error':
      if (isOld) return { changed: false, ask };
      end(job, data.code === 'cancelled' ? 'cancelled' : 'failed');
      job.error = failure(data);
      return { changed: true, ask: ask || !job.filesComplete };
    default: // the inputs arrived: the browser that sent them knows
      return { changed: false, ask };
  }
}

/** The results in the order in which they are shown: as the API lists them. */
export function results(job) {
  return [...job.files.values()];
}

/** The seconds that are left now; null when unknown. */
export function etaNow(job, nowMs) {
  if (job.etaS === null || isFinal(job)) return null;
  return Math.max(0, job.etaS - (nowMs - job.etaAt) / 1000);
}

function startAttempt(job, data) {
  const begins = job.status === null || isFinal(job) || job.progress !== null;
  job.status = STATUSES.has(data.status) ? data.status : 'accepted';
  job.position = natural(data.position);
  job.upload = null;
  if (!begins) return;
  job.attempt = null;
  job.progress = null;
  job.nodeTitle = null;
  job.message = '';
  job.error = null;
  job.filesComplete = false;
  dropPreview(job);
  takeEta(job, null, 0);
}

function takeProgress(job, data, origins, nowMs) {
  const status = STATUSES.has(data.status) ? data.status : job.status;
  const nodeTitle = text(data.node_title);
  // steps and sentences belong to the node and the state that they were said of
  if (status !== job.status || nodeTitle !== job.nodeTitle) job.message = '';
  if (isFinal(job) && !FINAL.has(status)) {
    job.attempt = null;
    job.progress = null;
    job.error = null;
    job.filesComplete = false;
  }
  const stage = text(data.stage);
  if (stage !== job.stage) job.stageIndex = null; // the API knows which one it is
  job.status = status;
  job.stage = stage;
  job.nodeTitle = nodeTitle;
  job.position = null;
  job.upload = null;
  job.progress = greater(job.progress, share(data.progress));
  const previewUrl = origins.expected(data.preview_url);
  if (previewUrl !== null) {
    job.previewUrl = previewUrl;
    job.previewsHeard = true;
  }
  takeEta(job, seconds(data.eta_s), nowMs);
}

function end(job, status) {
  if (job.status !== status) job.filesComplete = false;
  job.status = status;
  job.nodeTitle = null;
  job.message = '';
  job.error = null;
  job.position = null;
  job.upload = null;
  dropPreview(job);
}

/**
 * The preview as the API shows it, where no event brings one. Each answer signs a URL of its own:
 * the one that is shown stays until there is another picture, or it would be loaded each time.
 */
function takePreview(job, item, origins) {
  const at = text(item.preview_at);
  const url = origins.vouched(item.preview_url);
  if (job.previewsHeard || at === job.previewAt || url === null) return;
  job.previewUrl = url;
  job.previewAt = at;
}

function dropPreview(job) {
  job.previewUrl = null;
  job.previewAt = null;
  job.previewsHeard = false;
}

function takeEta(job, etaS, nowMs) {
  job.etaS = etaS;
  job.etaAt = nowMs;
}

/** Merge by key, new facts over old ones; true when a file has no URL that may be used. */
function mergeFiles(job, files, check) {
  let lacking = false;
  for (const file of files) {
    if (typeof file !== 'object' || file === null || typeof file.key !== 'string') continue;
    // the store's layout says whose a file is; another job's is not shown as this one's
    if (!file.key.startsWith(`outputs/${job.id}/`)) continue;
    const known = job.files.get(file.key);
    if (known === undefined && job.files.size >= MAX_FILES) return true;
    const url = check(file.url) ?? known?.url ?? null;
    lacking ||= url === null;
    job.files.set(file.key, {
      key: file.key,
      name: file.key.slice(file.key.lastIndexOf('/') + 1),
      kind: KINDS.has(file.kind) ? file.kind : (known?.kind ?? 'other'),
      url,
      thumbUrl: check(file.thumb_url) ?? known?.thumbUrl ?? null,
      stage: text(file.stage) ?? known?.stage ?? null,
      sizeBytes: natural(file.size_bytes) ?? known?.sizeBytes ?? null,
      width: natural(file.width) ?? known?.width ?? null,
      height: natural(file.height) ?? known?.height ?? null,
      partial: file.partial === true,
    });
  }
  return lacking;
}

function failure(value) {
  const said = typeof value === 'object' && value !== null ? value : {};
  return {
    code: text(said.code) ?? 'internal',
    message: text(said.message) ?? '',
    retryable: said.retryable === true,
  };
}

function greater(before, now) {
  if (before === null || now === null) return before ?? now;
  return Math.max(before, now);
}

function list(value) {
  return Array.isArray(value) ? value : [];
}

function text(value) {
  return typeof value === 'string' && value !== '' ? value : null;
}

function natural(value) {
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function share(value) {
  return Number.isFinite(value) ? Math.min(Math.max(value, 0), 1) : null;
}

function seconds(value) {
  return Number.isFinite(value) && value >= 0 ? value : null;
}

function moment(value) {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}
