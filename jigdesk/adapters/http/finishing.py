"""What was begun for a caller comes to its end although the caller went away."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web
from aiohttp.typedefs import Middleware

from jigdesk.adapters.http.errors import Handler
from jigdesk.domain.errors import JigDeskError

_log = logging.getLogger(__name__)


class Finishing:
    """Runs each POST in a task of its own, which a caller that leaves does not cancel.

    The local listener cancels the handler of a reader that went away, which is right for a
    stream of events. An action has several steps: cut off between two of them, it would leave a
    job in the journal that nobody runs, or an engine that was stopped to be started again.
    Lives on one loop.
    """

    def __init__(self) -> None:
        self._under_way: set[asyncio.Future[web.StreamResponse]] = set()

    @property
    def middleware(self) -> Middleware:
        """Put it next to the routes: what a caller may do is decided before."""

        @web.middleware
        async def finish(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.method != "POST":
                return await handler(request)
            action = asyncio.ensure_future(handler(request))
            self._under_way.add(action)
            action.add_done_callback(self._under_way.discard)
            try:
                return await asyncio.shield(action)
            except asyncio.CancelledError:
                action.add_done_callback(_tell_bug)
                raise

        return finish

    async def close(self, _app: web.Application) -> None:
        """Signal `on_cleanup`: wait for what is under way; cancelled, it is cut off."""
        actions = set(self._under_way)
        try:
            if actions:
                await asyncio.wait(actions)
        finally:
            for action in actions:
                action.cancel()


def _tell_bug(action: asyncio.Future[web.StreamResponse]) -> None:
    """Nobody is answered any more: what was not expected goes to the log."""
    bug = None if action.cancelled() else action.exception()
    if bug is not None and not isinstance(bug, JigDeskError | web.HTTPException | ConnectionError):
        _log.error("an action failed after its caller had left", exc_info=bug)
