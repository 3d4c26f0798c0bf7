"""Run every benchmark: `python -m benchmarks`."""

import asyncio
import sys

from benchmarks import pipeline, ui

if __name__ == "__main__":
    asyncio.run(pipeline.measure(jobs=40))
    sys.exit(ui.main())
