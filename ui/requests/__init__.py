"""What came in on the public listener."""
