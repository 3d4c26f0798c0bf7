"""What happens to a job, one verb a module."""
