"""The new-job dialog: a workflow, its parameters and its files."""
