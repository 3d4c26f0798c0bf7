"""Bytes on a connection of one's own."""

from __future__ import annotations

import asyncio

from tests.fakes.http_desk import HttpDesk
from tests.harness.waiting import PATIENCE_S


async def raw(desk: HttpDesk, request: bytes, *, within_s: float = PATIENCE_S) -> bytes:
    """What the listener answers to these very bytes, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.public.port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), within_s)
    finally:
        writer.close()
        await writer.wait_closed()
