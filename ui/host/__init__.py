"""The host page: the engine, its log, and what the machine does."""
