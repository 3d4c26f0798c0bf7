/** The jobs API over fetch. */

const TIMEOUT_MS = 30_000;

/** The API refused: `message` is fit for the reader; `field` and `retryAfterS` may be null. */
export class ApiError extends Error {
  constructor(status, { code = 'unknown', message, field = null } = {}, retryAfterS = null) {
    super(message || 'The desk refused without a reason.');
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.field = field;
    this.retryAfterS = retryAfterS;
  }
}

/** Nobody answered. */
export class Unreachable extends Error {
  constructor(cause) {
    super('The desk does not answer.', { cause });
    this.name = 'Unreachable';
  }
}

export class JobsApi {
  /** `heard(reached)` is told after every call whether the desk answered. */
  constructor(clientId, heard = () => {}) {
    this.clientId = clientId;
    this.heard = heard;
  }

  /** The workflows on offer. */
  async workflows() {
    return list((await this.call('GET', '/api/workflows')).items);
  }

  /** A page of this browser's jobs, newest first: `{items, next_cursor}`. */
  async jobs({ cursor = null, limit = 20 } = {}) {
    const query = { client_id: this.clientId, limit: String(limit) };
    const page = await this.call('GET', '/api/jobs', { query: cursor ? { ...query, cursor } : query });
    return {
      items: list(page.items),
      nextCursor: typeof page.next_cursor === 'string' ? page.next_cursor : null,
    };
  }

  /** One job with its files. */
  job(jobId) {
    const query = { client_id: this.clientId };
    return this.call('GET', `/api/jobs/${encodeURIComponent(jobId)}`, { query });
  }

  /** Announce a job; answers where to upload what. */
  create(request, files) {
    return this.call('POST', '/api/jobs', { body: { client_id: this.clientId, request, files } });
  }

  /** Cancel or retry a job. */
  command(jobId, command) {
    const path = `/api/jobs/${encodeURIComponent(jobId)}/${command}`;
    return this.call('POST', path, { body: { client_id: this.clientId } });
  }

  async call(method, path, { query = {}, body = null } = {}) {
    const search = new URLSearchParams(query).toString();
    let answer;
    let text;
    try {
      answer = await fetch(search ? `${path}?${search}` : path, {
        method,
        headers: body === null ? {} : { 'Content-Type': 'application/json' },
        body: body === null ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await answer.text();
    } catch (error) {
      this.heard(false);
      throw new Unreachable(error);
    }
    this.heard(true);
    const data = parse(text);
    if (answer.ok && data !== null) return data;
    throw refusal(answer, data);
  }
}

function refusal(answer, data) {
  const said = data !== null && typeof data.error === 'object' && data.error ? data.error : {};
  const seconds = Number.parseInt(answer.headers.get('Retry-After') ?? '', 10);
  return new ApiError(
    answer.status,
    {
      code: typeof said.code === 'string' ? said.code : undefined,
      message: typeof said.message === 'string' ? said.message : `It answered ${answer.status}.`,
      field: typeof said.field === 'string' ? said.field : null,
    },
    Number.isFinite(seconds) ? seconds : null,
  );
}

function parse(text) {
  try {
    const data = JSON.parse(text);
    return typeof data === 'object' && data !== null ? data : null;
  } catch {
    return null;
  }
}

function list(items) {
  return Array.isArray(items) ? items : [];
}
