/** What the page says: states, what runs now, why something failed and what to do. */

import { ApiError } from './api.js';
import { etaNow, isFinal } from './job.js';

/** Every state's word, shape and tone; `null` is a job that the desk has not accepted yet. */
const STATES = {
  accepted: { word: 'Accepted', shape: 'ring', tone: 'faint' },
  preparing: { word: 'Preparing', shape: 'quarter', tone: 'warning' },
  queued: { word: 'Queued', shape: 'ring', tone: 'faint' },
  running: { word: 'Running', shape: 'disc', tone: 'accent' },
  uploading: { word: 'Storing', shape: 'half', tone: 'accent' },
  confirming: { word: 'Confirming', shape: 'most', tone: 'accent' },
  completed: { word: 'Completed', shape: 'tick', tone: 'ok' },
  failed: { word: 'Failed', shape: 'cross', tone: 'error' },
  cancelled: { word: 'Cancelled', shape: 'dash', tone: 'faint' },
  sending: { word: 'Sending', shape: 'quarter', tone: 'warning' },
  sent: { word: 'Sent', shape: 'ring', tone: 'faint' },
  unsent: { word: 'Not sent', shape: 'dash', tone: 'faint' },
};

const DOING = {
  accepted: 'waiting to be prepared',
  preparing: 'fetching the files',
  queued: 'waiting for a slot',
  running: 'running',
  uploading: 'storing the results',
  confirming: 'waiting for the store',
};

/** What to do after a failure of this code; the message before it says what happened. */
const ADVICE = {
  invalid_manifest: 'Change the settings and send it as a new job.',
  unknown_workflow: 'Choose another workflow.',
  invalid_parameter: 'Change the settings and send it as a new job.',
  missing_input: 'Choose the file again and send it as a new job.',
  input_too_large: 'Choose a smaller file.',
  missing_node: 'Whoever runs the desk has to install it; then retry.',
  missing_model: 'Whoever runs the desk has to install it; then retry.',
  validation_failed: 'Choose another file or other settings.',
  execution_error: 'Choose another file or other settings.',
  out_of_memory: 'Choose a smaller file, or retry when less is going on.',
  timeout: 'Ask for less, or retry.',
  engine_lost: 'Retry: it was not the fault of your job.',
  upload_failed: 'Retry: what is done already is kept.',
  internal: 'Retry; if it fails again, tell whoever runs the desk.',
};

/** The name of the state that is shown: the desk's, or what this page does with the job. */
export function shownState(job) {
  if (job.status !== null) return job.status;
  if (job.upload === null) return 'unsent';
  return { sending: 'sending', sent: 'sent', failed: 'unsent' }[job.upload.phase];
}

export function stateOf(job) {
  return STATES[shownState(job)];
}

/** What goes on, in words; empty when the state says it all. */
export function doing(job) {
  if (job.status === null) return sendingWords(job);
  if (job.asked === 'cancel') return 'cancelling';
  if (job.asked === 'retry') return 'starting again';
  if (isFinal(job)) return job.status === 'completed' ? resultWords(job) : '';
  const said = job.message.replace(/\.$/, '');
  if (job.status === 'running') {
    const parts = [job.nodeTitle ?? '', said].filter((part) => part !== '');
    return [...stageWords(job), ...(parts.length ? parts : [DOING.running])].join(' · ');
  }
  if (job.position !== null && job.position > 1) return `place ${job.position} in the queue`;
  return lowerFirst(said) || DOING[job.status];
}

/** How much is left: `0:21 left`; empty when unknown. */
export function etaWords(job, nowMs) {
  const left = etaNow(job, nowMs);
  if (left === null || job.status !== 'running') return '';
  return left < 1 ? 'almost done' : `${duration(left)} left`;
}

/** `1:04`, `2:03:04`. */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (number) => String(number).padStart(2, '0');
  const [hours, minutes, left] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${hours}:${two(minutes)}:${two(left)}` : `${minutes}:${two(left)}`;
}

/** `now`, `12 s`, `3 min`, `2 h`, `5 d`. */
export function age(ms) {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 5) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `6.2 MB`; whole KB where one digit of MB says nothing. */
export function size(bytes) {
  if (bytes < 100_000) return `${Math.max(1, Math.round(bytes / 1000))} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** `1 file`, `12 files`. */
export function counted(number, one) {
  return `${number.toLocaleString('en')} ${one}${number === 1 ? '' : 's'}`;
}

/** `radius` → `Radius`, `max_steps` → `Max steps`. */
export function label(name) {
  const words = name.replace(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What to do after a job failed. */
export function advice(error) {
  return ADVICE[error.code] ?? (error.retryable ? 'Retry.' : 'Send it as a new job.');
}

/** An error of the API for the reader: what happened and what to do. */
export function refusalWords(error) {
  if (!(error instanceof ApiError)) return error.message;
  const wait = error.retryAfterS;
  if (error.status === 429 || error.status === 503) {
    const when = wait === null || wait > 90 ? 'later' : `in ${counted(wait, 'second')}`;
    return `${error.message} Try again ${when}.`;
  }
  if (error.status === 413) return `${error.message} Choose a smaller file.`;
  return error.message;
}

function sendingWords(job) {
  if (job.upload === null) return 'its files never arrived here';
  if (job.upload.phase === 'sent') return 'waiting for the desk';
  if (job.upload.phase === 'failed') return '';
  return `${size(job.upload.sent)} of ${size(job.upload.total)}`;
}

function resultWords(job) {
  if (!job.filesComplete) return '';
  const files = [...job.files.values()];
  if (files.length === 1) return fileFacts(files[0]);
  const bytes = files.reduce((sum, file) => sum + (file.sizeBytes ?? 0), 0);
  return bytes ? `${counted(files.length, 'file')} · ${size(bytes)}` : counted(files.length, 'file');
}

/** `960 × 640 · 81 KB`, as far as it is known. */
export function fileFacts(file) {
  const pixels = file.width && file.height ? `${file.width} × ${file.height}` : '';
  const bytes = file.sizeBytes === null ? '' : size(file.sizeBytes);
  return [pixels, bytes].filter((fact) => fact !== '').join(' · ');
}

function stageWords(job) {
  if (job.stageIndex === null || job.stageCount === null || job.stageCount < 2) return [];
  return [`stage ${job.stageIndex + 1} of ${job.stageCount}`];
}

function lowerFirst(words) {
  return words.charAt(0).toLowerCase() + words.slice(1);
}
