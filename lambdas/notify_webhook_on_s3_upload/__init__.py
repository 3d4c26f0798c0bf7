"""Tells the desk about results that appeared in the store, so that it can confirm a job."""
