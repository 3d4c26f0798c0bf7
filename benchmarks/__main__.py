"""Run every benchmark: `python -m benchmarks`."""

import asyncio

from benchmarks import pipeline

if __name__ == "__main__":
    asyncio.run(pipeline.measure(jobs=40))
