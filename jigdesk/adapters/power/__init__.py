"""Keeping the machine awake: one small module a platform."""
