"""Short-lived proofs that a caller owns a job, for what cannot send headers (EventSource)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from jigdesk.domain.errors import RequestError
from jigdesk.domain.ids import is_owner_id

_PARTS = 3
_MAX_TICKET = 256


def make_ticket(secret: bytes, job_id: str, owner_id: str, expires_at: datetime) -> str:
    """`{expires}.{owner}.{hmac}`, valid for this job alone; neither part can hold a dot."""
    expires = int(expires_at.timestamp())
    return f"{expires}.{owner_id}.{_proof(secret, job_id, owner_id, expires)}"


def check_ticket(secret: bytes, job_id: str, ticket: str, now: datetime) -> str:
    """The owner that the ticket was made for; raises RequestError(401)."""
    parts = ticket.split(".")
    if len(ticket) > _MAX_TICKET or len(parts) != _PARTS or not ticket.isascii():
        raise _refused("The ticket is not valid.")
    expires, owner_id, proof = parts
    if not expires.isdecimal() or not is_owner_id(owner_id):
        raise _refused("The ticket is not valid.")
    if not hmac.compare_digest(proof, _proof(secret, job_id, owner_id, int(expires))):
        raise _refused("The ticket is not valid.")
    if int(expires) <= now.timestamp():
        raise _refused("The ticket has expired; ask for the job again.")
    return owner_id


def _proof(secret: bytes, job_id: str, owner_id: str, expires: int) -> str:
    signed = f"jigdesk-ticket\n{job_id}\n{owner_id}\n{expires}".encode()
    return hmac.new(secret, signed, hashlib.sha256).hexdigest()


def _refused(message: str) -> RequestError:
    return RequestError(401, "bad_ticket", message, field="ticket")
