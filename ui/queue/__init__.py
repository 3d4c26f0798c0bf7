"""The queue: every job of this desk in one table."""
