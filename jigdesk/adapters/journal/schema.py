"""The journal's tables, as a list of migrations in plain SQL.

Entry n brings a database of version n to version n + 1 (`PRAGMA user_version`), in one
transaction. Entries that were released never change; a new idea is a new entry. Times are
microseconds since 1970 in UTC.
"""

from __future__ import annotations

APPLICATION_ID = 0x4A494744
"""`JIGD` in the file's header: tells the journal from every other SQLite file."""

_TABLES = (
    """CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT NOT NULL UNIQUE,
        bucket TEXT NOT NULL,
        status TEXT NOT NULL,
        seq INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        owner_id TEXT,
        workflow TEXT,
        stage TEXT,
        stage_index INTEGER,
        stage_count INTEGER,
        node TEXT,
        node_title TEXT,
        progress REAL,
        eta_s REAL,
        message TEXT NOT NULL,
        priority INTEGER NOT NULL,
        queue_order INTEGER NOT NULL,
        automatic_attempts INTEGER NOT NULL,
        deaths INTEGER NOT NULL,
        failure TEXT,
        started_at INTEGER,
        finished_at INTEGER
    )""",
    """CREATE INDEX jobs_active ON jobs (priority DESC, queue_order, id)
        WHERE status NOT IN ('completed', 'failed', 'cancelled')""",
    "CREATE INDEX jobs_queue_order ON jobs (queue_order, id, status, owner_id)",
    """CREATE TABLE events (
        job_id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        name TEXT NOT NULL,
        topic TEXT,
        at INTEGER NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (job_id, seq)
    ) WITHOUT ROWID""",
    "CREATE INDEX events_by_name ON events (job_id, name, seq)",
    # jobs that have events and no row yet, so that the ones which never come can be found
    "CREATE TABLE early (job_id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX early_by_age ON early (at)",
    """CREATE TABLE attempts (
        job_id TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        started_at INTEGER NOT NULL,
        reason TEXT NOT NULL,
        ended_at INTEGER,
        status TEXT,
        code TEXT,
        message TEXT,
        PRIMARY KEY (job_id, attempt)
    ) WITHOUT ROWID""",
    """CREATE TABLE stage_runs (
        job_id TEXT NOT NULL,
        stage TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        started_at INTEGER NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (job_id, stage, attempt)
    ) WITHOUT ROWID""",
    # AUTOINCREMENT: an id is never given twice, so `done` of a replaced row hits nothing else
    """CREATE TABLE outbox (
        row_id INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        seq INTEGER,
        data TEXT NOT NULL,
        tries INTEGER NOT NULL,
        due INTEGER NOT NULL,
        created_at INTEGER NOT NULL
    )""",
    "CREATE INDEX outbox_by_job ON outbox (job_id, row_id, kind)",
    "CREATE INDEX outbox_by_age ON outbox (created_at, kind)",
    """CREATE TABLE webhooks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        webhook_id TEXT NOT NULL UNIQUE,
        job_id TEXT NOT NULL,
        received_at INTEGER NOT NULL
    )""",
    "CREATE INDEX webhooks_by_age ON webhooks (received_at)",
    "CREATE INDEX webhooks_by_job ON webhooks (job_id)",
    "CREATE TABLE plans (job_id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE node_seconds (
        workflow TEXT NOT NULL,
        node TEXT NOT NULL,
        seconds REAL NOT NULL,
        PRIMARY KEY (workflow, node)
    ) WITHOUT ROWID""",
    "CREATE TABLE queue_flags (name TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)

# Every index ends in what the window filters by, so that a page of any order is found by
# walking one index and reading only the rows that are shown. The keys stand in for columns
# that may be NULL, which a cursor cannot compare.
_WINDOW = (
    """ALTER TABLE jobs ADD COLUMN status_key INTEGER GENERATED ALWAYS AS (
        CASE status WHEN 'accepted' THEN 0 WHEN 'preparing' THEN 1 WHEN 'queued' THEN 2
        WHEN 'running' THEN 3 WHEN 'uploading' THEN 4 WHEN 'confirming' THEN 5
        WHEN 'completed' THEN 6 WHEN 'failed' THEN 7 ELSE 8 END) VIRTUAL""",
    # under its own name SQLite would take the index of UNIQUE, which has no filter columns
    "ALTER TABLE jobs ADD COLUMN id_key TEXT GENERATED ALWAYS AS (job_id) VIRTUAL",
    """ALTER TABLE jobs ADD COLUMN owner_key TEXT
        GENERATED ALWAYS AS (COALESCE(owner_id, '')) VIRTUAL""",
    """ALTER TABLE jobs ADD COLUMN workflow_key TEXT
        GENERATED ALWAYS AS (COALESCE(workflow, '')) VIRTUAL""",
    """ALTER TABLE jobs ADD COLUMN progress_key REAL
        GENERATED ALWAYS AS (COALESCE(progress, -1.0)) VIRTUAL""",
    """ALTER TABLE jobs ADD COLUMN eta_key REAL
        GENERATED ALWAYS AS (COALESCE(eta_s, -1.0)) VIRTUAL""",
    """ALTER TABLE jobs ADD COLUMN started_key INTEGER
        GENERATED ALWAYS AS (COALESCE(started_at, -1)) VIRTUAL""",
    """ALTER TABLE jobs ADD COLUMN finished_key INTEGER
        GENERATED ALWAYS AS (COALESCE(finished_at, -1)) VIRTUAL""",
    """ALTER TABLE jobs ADD COLUMN duration_key INTEGER
        GENERATED ALWAYS AS (COALESCE(finished_at - started_at, -1)) VIRTUAL""",
    "CREATE INDEX jobs_by_created ON jobs (created_at, id, status, owner_id)",
    "CREATE INDEX jobs_by_updated ON jobs (updated_at, id, status, owner_id)",
    "CREATE INDEX jobs_by_job_id ON jobs (id_key, id, status, owner_id)",
    "CREATE INDEX jobs_by_priority ON jobs (priority, id, status, owner_id)",
    "CREATE INDEX jobs_by_attempt ON jobs (attempt, id, status, owner_id)",
    "CREATE INDEX jobs_by_status ON jobs (status_key, id, status, owner_id)",
    "CREATE INDEX jobs_by_owner ON jobs (owner_key, id, status, owner_id)",
    "CREATE INDEX jobs_by_workflow ON jobs (workflow_key, id, status, owner_id)",
    "CREATE INDEX jobs_by_progress ON jobs (progress_key, id, status, owner_id)",
    "CREATE INDEX jobs_by_eta ON jobs (eta_key, id, status, owner_id)",
    "CREATE INDEX jobs_by_started ON jobs (started_key, id, status, owner_id)",
    "CREATE INDEX jobs_by_finished ON jobs (finished_key, id, status, owner_id)",
    "CREATE INDEX jobs_by_duration ON jobs (duration_key, id, status, owner_id)",
    # what the search looks through, apart from the wide rows: 100,000 jobs in 20 ms
    "CREATE TABLE job_search (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    """INSERT INTO job_search SELECT id, LOWER(job_id || char(10) || COALESCE(owner_id, '')
        || char(10) || COALESCE(workflow, '') || char(10) || message) FROM jobs""",
)

# A job's plan says which job it branches from: found by the parent without reading the plans.
_FAMILIES = (
    """ALTER TABLE plans ADD COLUMN parent_id TEXT
        GENERATED ALWAYS AS (json_extract(data, '$.manifest.branch_of.job_id')) VIRTUAL""",
    """ALTER TABLE plans ADD COLUMN parent_stage TEXT
        GENERATED ALWAYS AS (json_extract(data, '$.manifest.branch_of.stage')) VIRTUAL""",
    "CREATE INDEX plans_by_parent ON plans (parent_id) WHERE parent_id IS NOT NULL",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_TABLES, _WINDOW, _FAMILIES)
VERSION = len(MIGRATIONS)
