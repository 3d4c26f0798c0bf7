"""ngrok's error codes as sentences with a remedy. See https://ngrok.com/docs/errors/."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODE = re.compile(r"ERR_NGROK_(\d{1,6})")
_MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class NgrokFailure:
    """What went wrong, fit for the owner. `code` is None for what has no code of ngrok's.

    `is_lasting` says that trying again soon is of no use.
    """

    code: str | None
    message: str
    remedy: str | None
    is_lasting: bool = False


_TOKEN = "Copy the token from dashboard.ngrok.com into tunnel.authtoken."  # noqa: S105 - a remedy
_UNVERIFIED = (
    "ngrok wants a verified account for this token.",
    "Verify the e-mail address at dashboard.ngrok.com.",
)
_UNPAID = (
    "The ngrok account is suspended: its last payment failed.",
    "Mend the payment at dashboard.ngrok.com.",
)
_SUSPENDED = ("The ngrok account is suspended.", "Ask ngrok's support.")
_RESERVE = "Reserve it at dashboard.ngrok.com, or correct tunnel.domain."
_MONTH = "Wait for the next month, or raise the plan."
_KNOWN = {
    "ERR_NGROK_102": _UNPAID,
    "ERR_NGROK_103": _SUSPENDED,
    "ERR_NGROK_105": ("ngrok does not know the token: its form is wrong.", _TOKEN),
    "ERR_NGROK_106": ("The token is one of ngrok's first version, which is no more.", _TOKEN),
    "ERR_NGROK_107": ("The ngrok token was revoked or belongs to another account.", _TOKEN),
    "ERR_NGROK_108": (
        "The ngrok account already has as many agents as it may have.",
        "End the other agent (dashboard.ngrok.com lists them), or raise the plan.",
    ),
    "ERR_NGROK_120": (
        "This ngrok agent is too old for the account.",
        "Install a newer agent (`ngrok update`), or point tunnel.ngrok_path to one.",
    ),
    "ERR_NGROK_121": (
        "This ngrok agent is too old for ngrok's servers.",
        "Install a newer agent (`ngrok update`), or point tunnel.ngrok_path to one.",
    ),
    "ERR_NGROK_123": _UNVERIFIED,
    "ERR_NGROK_300": ("The ngrok token was revoked.", _TOKEN),
    "ERR_NGROK_306": (
        "ngrok allows a domain of one's own only with an account, and got no token.",
        _TOKEN,
    ),
    "ERR_NGROK_314": (
        "The plan does not allow a domain of one's own.",
        "Use the plan's own domain in tunnel.domain, or clear it.",
    ),
    "ERR_NGROK_319": ("The domain is not reserved for this ngrok account.", _RESERVE),
    "ERR_NGROK_320": ("The domain is reserved for another ngrok account.", _RESERVE),
    "ERR_NGROK_324": (
        "The ngrok account has as many tunnels as it may have.",
        "Close another tunnel, or raise the plan.",
    ),
    "ERR_NGROK_334": (
        "Another agent serves this domain already.",
        "End the other agent (dashboard.ngrok.com lists them), or use another tunnel.domain.",
    ),
    "ERR_NGROK_337": _UNPAID,
    "ERR_NGROK_338": _SUSPENDED,
    "ERR_NGROK_382": _UNVERIFIED,
    "ERR_NGROK_725": ("The ngrok account used up its traffic for this month.", _MONTH),
    "ERR_NGROK_727": ("The ngrok account used up its requests for this month.", _MONTH),
    "ERR_NGROK_3004": ("ngrok reached the desk and got no proper answer.", None),
    "ERR_NGROK_3200": ("ngrok says that the tunnel is offline.", None),
    "ERR_NGROK_4018": ("ngrok needs an account's token.", _TOKEN),
    "ERR_NGROK_8012": ("ngrok's agent could not reach the desk's listener.", None),
}
_PASSING = frozenset({"ERR_NGROK_3004", "ERR_NGROK_3200", "ERR_NGROK_8012"})

_RATES = frozenset((702, 703, *range(714, 722), 734))
"""Connections, requests or bytes a minute: over within a minute or so."""
_QUOTAS = frozenset(range(725, 741)) - {734}
"""What the plan allows in a month."""
_FIRST_OF_SESSIONS, _LAST_OF_SESSIONS = 100, 399

_NO_NETWORK = re.compile(
    r"network is unreachable|no such host|no route to host|i/o timeout|connection refused"
    r"|has no records|connection reset|TLS handshake timeout|server misbehaving|\blookup\b",
    re.IGNORECASE,
)


def error_code(text: str | None) -> str | None:
    """ngrok's code in a text; None when there is none."""
    found = _CODE.search(text or "")
    return found.group() if found else None


def translate(text: str | None, token: str | None = None) -> NgrokFailure:
    """Say what an error of the agent means; its own words only where the meaning is not known.

    `token` is blacked out: some of ngrok's messages repeat it.
    """
    code = error_code(text)
    if code in _KNOWN:
        message, remedy = _KNOWN[code]
        return NgrokFailure(code, f"{message} ({code})", remedy, code not in _PASSING)
    if (limit := _limit(code)) is not None:
        return limit
    said = " ".join((text or "").split())
    if token:
        said = said.replace(token, "[redacted]")
    if code is not None:
        remedy = f"See https://ngrok.com/docs/errors/{code.lower()}/."
        return NgrokFailure(code, f"ngrok refuses: {said[:_MAX_TEXT]}", remedy, is_lasting=True)
    if _NO_NETWORK.search(said):
        return NgrokFailure(
            None,
            "ngrok's servers cannot be reached from this machine.",
            "Check the network, its DNS and the firewall; it is tried again.",
        )
    return NgrokFailure(None, f"ngrok failed: {said[:_MAX_TEXT] or 'it did not say why'}", None)


def is_of_the_account(code: str | None) -> bool:
    """Whether the account, its plan or its quota stands in the way, which no new agent changes."""
    number = _number(code)
    is_of_sessions = _FIRST_OF_SESSIONS <= number <= _LAST_OF_SESSIONS
    return number in _RATES or number in _QUOTAS or is_of_sessions


def _limit(code: str | None) -> NgrokFailure | None:
    number = _number(code)
    if number in _RATES:
        message = f"More comes through the ngrok tunnel than the plan allows at once. ({code})"
        return NgrokFailure(code, message, "Wait some minutes; if it goes on, raise the plan.")
    if number in _QUOTAS:
        message = f"The ngrok account used up what its plan allows in a month. ({code})"
        return NgrokFailure(code, message, _MONTH, is_lasting=True)
    return None


def _number(code: str | None) -> int:
    return 0 if code is None else int(code.rpartition("_")[2])
