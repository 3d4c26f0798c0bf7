"""The window: all that knows Qt is in here."""
