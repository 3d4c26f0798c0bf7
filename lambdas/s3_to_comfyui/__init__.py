"""Tells the desk about a job once its manifest and every file that it names are there."""
