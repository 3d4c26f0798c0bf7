"""Colours, icons and type: views ask for names, never for colours."""
