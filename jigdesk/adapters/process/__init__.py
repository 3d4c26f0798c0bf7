"""Child processes: started so that they never outlive the desk, watched, and restarted."""
