"""ComfyUI: its HTTP and WebSocket protocol behind the `Engine` port."""
