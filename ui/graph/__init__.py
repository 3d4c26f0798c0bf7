"""The graph of a job: stages as rows, nodes as cards."""
