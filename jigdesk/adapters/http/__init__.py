"""The two listeners: what the tunnel exposes, and what answers on this machine."""
