"""What tests drive a real desk with: a browser's calls, and a process that can be killed."""
