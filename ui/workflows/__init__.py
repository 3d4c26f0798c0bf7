"""The workflows that this host offers."""
