"""`jigdesk serve`: the core without a window."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from jigdesk.commands.output import say
from jigdesk.commands.stopping import stop_on_signals
from jigdesk.logs import Redactor, logging_to
from jigdesk.settings import Settings, load_settings


def serve(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log everything, libraries too.")
    ] = False,
) -> None:
    """Run the desk without a window until SIGTERM or Ctrl-C; a second one ends it by force."""
    settings = load_settings()
    with logging_to(settings, verbose=verbose) as redact:
        asyncio.run(_serve(settings, redact))


async def _serve(settings: Settings, redact: Redactor) -> None:
    from jigdesk.app import open_core  # noqa: PLC0415 - a second's worth of libraries

    with stop_on_signals() as stop:
        async with open_core(settings) as core:
            redact.add([core.control_token])
            say(f"webhooks      {core.public_url_local}")
            say(f"jobs, control {core.local_url}")
            say(f"log           {settings.paths.log_file}")
            say("ready")
            await core.run_until(stop)
            say("stopping")
