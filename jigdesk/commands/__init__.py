"""The commands of `jigdesk`, one module each."""
