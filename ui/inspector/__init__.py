"""The inspector: one job, looked at closely."""
