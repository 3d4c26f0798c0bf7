"""The journal: every job, event and thing to send, in one SQLite file."""
