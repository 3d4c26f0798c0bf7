"""The ports: what the services need from the outside world, and nothing more.

Every coroutine runs on the core's loop and never blocks it; cancelling any of them is safe
unless its docstring says otherwise.
"""

from jigdesk.ports.engine import Engine
from jigdesk.ports.journal import Journal
from jigdesk.ports.listeners import Control, Intake, Receipt
from jigdesk.ports.publisher import Message, Publisher
from jigdesk.ports.store import (
    BlockingStore,
    FileDigest,
    ObjectInfo,
    ObjectPage,
    ObjectStore,
    Presigned,
)
from jigdesk.ports.tunnel import Tunnel

__all__ = [
    "BlockingStore",
    "Control",
    "Engine",
    "FileDigest",
    "Intake",
    "Journal",
    "Message",
    "ObjectInfo",
    "ObjectPage",
    "ObjectStore",
    "Presigned",
    "Publisher",
    "Receipt",
    "Tunnel",
]
