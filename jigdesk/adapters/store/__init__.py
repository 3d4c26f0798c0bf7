"""The object stores: a folder on this machine, or S3 and what speaks like it."""
