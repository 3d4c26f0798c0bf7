"""Installs ComfyUI by means of comfy-cli, a program of its own that is never imported."""
