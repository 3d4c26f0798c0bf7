"""Tunnels: how the Lambdas reach the public listener."""
