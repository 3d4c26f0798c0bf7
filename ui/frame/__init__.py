"""The window's frame: what stays in view whatever page is shown."""
