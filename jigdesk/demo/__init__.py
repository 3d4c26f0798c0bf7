"""The demo engine: speaks ComfyUI's protocol and runs a few image nodes with Pillow.

`python -m jigdesk.demo --port 8188` runs it as a process of its own, so that everything that
the desk does with ComfyUI can be tried on a machine that has no GPU. It behaves like ComfyUI
0.3.64 as far as a client can see, and calls itself `demo-…` in `/system_stats`.
"""
