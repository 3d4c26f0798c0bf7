"""`python -m jigdesk.demo`: the demo engine as a process of its own."""

from __future__ import annotations

import asyncio
import io
import sys
import traceback
import warnings
from collections.abc import Sequence

from PIL import Image

from jigdesk.demo.log import Log
from jigdesk.demo.options import parse
from jigdesk.demo.server import serve


def main(argv: Sequence[str] | None = None) -> int:
    """Run until told to end; returns 1 when the port is taken, 0 otherwise."""
    options = parse(sys.argv if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # progress bars are not ASCII
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    # A picture above Pillow's limit is an error, not a remark in the log.
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    try:
        asyncio.run(serve(options, Log()))
    except OSError:
        traceback.print_exc()  # the last line names the reason, as ComfyUI's does
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
