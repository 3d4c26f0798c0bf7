"""Workflow templates from the disk."""
