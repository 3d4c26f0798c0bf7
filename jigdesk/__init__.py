"""JigDesk: runs a web site's generative-AI jobs on this machine's ComfyUI."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("jigdesk")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0.0.0+checkout"
