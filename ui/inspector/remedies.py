"""What to do about a failure, in the owner's terms."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jigdesk.domain.errors import ErrorCode
from jigdesk.domain.job import Failure

_C = ErrorCode
REMEDIES = {
    _C.INVALID_MANIFEST: "The page that sent the job has to send another request.",
    _C.UNKNOWN_WORKFLOW: "Add the workflow to this desk, or send the job with one that it has.",
    _C.INVALID_PARAMETER: "Send the job again with a value that the workflow takes.",
    _C.MISSING_INPUT: "Send the job again with all its files, or try again if they came late.",
    _C.INPUT_TOO_LARGE: "Send a smaller file, or raise the limit in the settings.",
    _C.MISSING_NODE: "Install the custom node in ComfyUI, restart the engine, and try again.",
    _C.MISSING_MODEL: "Put the model where ComfyUI looks for it, or pick another; then try again.",
    _C.VALIDATION_FAILED: "Check the file and the workflow's inputs, then send the job again.",
    _C.EXECUTION_ERROR: "Look at the node's message and the log; the same job may fail again.",
    _C.OUT_OF_MEMORY: "Close what else uses the GPU, or make the picture smaller; then try again.",
    _C.TIMEOUT: "Try again, or raise the workflow's timeout_s if it needs longer.",
    _C.ENGINE_LOST: "Look at why the engine stopped on the host page, then try again.",
    _C.UPLOAD_FAILED: "The results are kept here. See to the store, then try again.",
    _C.CANCELLED: "Try again to run it after all.",
    _C.INTERNAL: "Try again. If it happens again, send the log to the project.",
}


_HINTS = (
    (re.compile(r"\s*Did you mean (?P<it>[^?]+)\?"), "Did you mean {}?"),
    (re.compile(r"; the nearest that it has is (?P<it>.+?)\."), "The nearest that it has is {}."),
    (re.compile(r"; the node offers (?P<it>.+?)\.?$"), "The node offers {}."),
    (re.compile(r"\s*There is: (?P<it>.+?)\.$"), "There is: {}."),
)
"""How the core says what may have been meant, and the sentence that it makes by itself."""


@dataclass(frozen=True, slots=True)
class Told:
    """A failure in sentences; `hint` is what may have been meant, empty when nobody knows."""

    headline: str
    message: str
    hint: str
    remedy: str


def tell(failure: Failure) -> Told:
    """Where it went wrong, what happened, and what helps; none of it twice."""
    message, hint = failure.message, ""
    for pattern, sentence in _HINTS:
        found = pattern.search(message)
        if found is not None:
            hint = sentence.format(found["it"])
            before, after = message[: found.start()], message[found.end() :]
            ends = "" if before.endswith((".", "!", "?")) else "."
            message = f"{before}{ends}{after}"
            break
    where = headline(failure)
    for name in (failure.node_title, failure.node_type):
        if name and f"“{name}”" in where:
            message = _without(message, f"“{name}” failed: ", f"“{name}”: ")
    return Told(where, message, hint, REMEDIES[failure.code])


def _without(message: str, *beginnings: str) -> str:
    """The message without what the headline says already."""
    for beginning in beginnings:
        rest = message.removeprefix(beginning)
        if rest and rest != message:
            return rest[0].upper() + rest[1:]
    return message


def headline(failure: Failure) -> str:
    """Where it went wrong, in words."""
    title = failure.node_title or failure.node_type
    if title and failure.stage:
        return f"“{title}” failed in {failure.stage}"
    if failure.stage:
        return f"The stage {failure.stage} failed"
    return "The job failed"
