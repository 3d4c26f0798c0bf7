"""Values and rules: no I/O, no clock, nothing but the standard library."""
