"""What ComfyUI refused or failed, as a JobError with the contract's codes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jigdesk.adapters.comfyui.history import Failed
from jigdesk.adapters.comfyui.nodes import resolve, title
from jigdesk.adapters.comfyui.redact import public_text
from jigdesk.domain.engine import Graph
from jigdesk.domain.errors import ErrorCode, JobError

_MODEL_INPUT = re.compile(
    r"ckpt|checkpoint|model|lora|vae|clip|unet|control_?net|upscaler?_|style|gligen|embedding"
    r"|hypernetwork|ip_?adapter|weights|encoder|motion|gguf",
    re.IGNORECASE,
)
_MODEL_FILE = re.compile(
    r"\.(?:safetensors|sft|ckpt|pth?|pt2|bin|gguf|onnx|pkl|engine|msgpack)$", re.IGNORECASE
)
_MEDIA_INPUTS = frozenset({"image", "mask", "video", "audio", "file", "model_file", "images"})
_INVALID_FILE = re.compile(r"invalid\s+\w*\s*file", re.IGNORECASE)
_NODE_ID = re.compile(r"#([^\s']+)")
_OUT_OF_MEMORY_TYPE = re.compile(r"(?:^|\.)(?:OutOfMemoryError|OOM_EXCEPTION|MemoryError)$")
_OUT_OF_MEMORY_TEXT = re.compile(
    r"(?:\b(?:CUDA|HIP|ROCm|XPU|NPU|MPS|DirectML)\b[^\n]{0,60}\bout of memory)"
    r"|^[ \t]*out of memory\b|\bAllocation on device\b|can't allocate memory"
    r"|\bCUBLAS_STATUS_ALLOC_FAILED\b|not enough (?:GPU|video) memory",
    re.IGNORECASE | re.MULTILINE,
)
_OFFERED = 5
_NAME_CHARS, _READ_CHARS = 200, 20_000  # no engine's text may cost more time than these


def is_missing_node(body: Mapping[str, Any]) -> bool:
    """Whether a 400 of POST /prompt is about a node class that the engine does not have."""
    error = _object(body.get("error"))
    return error.get("type") == "missing_node_type" or (
        error.get("type") == "invalid_prompt" and "does not exist" in str(error.get("message"))
    )


def refusal(
    body: Mapping[str, Any],
    graph: Graph,
    classes: Collection[str] = (),
    private: Iterable[str] = (),
) -> JobError:
    """The JobError for a 400 of POST /prompt.

    `classes` are the node classes that the engine has, for the nearest match of a missing one.
    """
    if is_missing_node(body):
        return _missing_node(_object(body.get("error")), graph, classes, private)
    node_errors = _object(body.get("node_errors"))
    if node_errors:
        return invalid_nodes(node_errors, graph, private)
    error = _object(body.get("error"))
    parts = [str(error.get(key) or "").strip() for key in ("message", "details")]
    said = public_text(": ".join(part for part in parts if part), private)
    return _job_error(
        ErrorCode.VALIDATION_FAILED,
        f"The engine refused the workflow: {said or 'it gave no reason'}",
    )


def invalid_nodes(
    node_errors: Mapping[str, Any], graph: Graph, private: Iterable[str] = ()
) -> JobError:
    """The JobError for `node_errors`: of a 400, or of a 200 that would drop outputs silently."""
    problems = [
        _problem(node_id, _object(about), _object(error), graph, private)
        for node_id, about in node_errors.items()
        for error in _list(_object(about).get("errors"))
    ]
    if not problems:
        names = ", ".join(sorted(node_errors)[:_OFFERED])
        return _job_error(
            ErrorCode.VALIDATION_FAILED,
            public_text(f"The engine refused these nodes without a reason: {names}", private),
        )
    # the most telling one first: a missing file explains more than what follows from it
    first = min(problems, key=lambda problem: _RANK[problem.code])
    message = first.message
    if len(problems) > 1:
        others = len(problems) - 1
        message += f" ({others} more problem{'s' if others > 1 else ''})"
    return _job_error(
        first.code, message, first.node, first.node_title, first.node_type, field=first.field
    )


def execution_failure(outcome: Failed, graph: Graph, private: Iterable[str] = ()) -> JobError:
    """The JobError for a node that failed: out_of_memory or execution_error."""
    node = resolve(graph, outcome.node_id) or outcome.node_id
    name = title(graph, node, outcome.node_type)
    where = f"“{public_text(name, private, 120)}”" if name else "a node"
    kind = outcome.exception_type
    if is_out_of_memory(kind, outcome.exception_message):
        code = ErrorCode.OUT_OF_MEMORY
        message = f"The machine ran out of memory in {where}."
    else:
        code = ErrorCode.EXECUTION_ERROR
        said = public_text(outcome.exception_message, private, 380) or kind.rpartition(".")[2]
        message = f"{where} failed: {said}"
    trace = f"{outcome.traceback}{kind}: {outcome.exception_message}"
    return _job_error(code, message, node, name, outcome.node_type, traceback=trace)


def cancelled() -> JobError:
    """The JobError for a prompt that somebody stopped."""
    return _job_error(ErrorCode.CANCELLED, "The job was cancelled.")


def is_out_of_memory(exception_type: str, message: str) -> bool:
    """Whether an exception of a node means that memory ran out (CUDA, HIP, MPS, RAM)."""
    return (
        _OUT_OF_MEMORY_TYPE.search(exception_type) is not None
        or _OUT_OF_MEMORY_TEXT.search(message[:_READ_CHARS]) is not None
    )


@dataclass(frozen=True, slots=True)
class _Problem:
    code: ErrorCode
    message: str
    node: str
    node_title: str | None
    node_type: str | None
    field: str | None


_RANK = {
    ErrorCode.MISSING_MODEL: 0,
    ErrorCode.MISSING_INPUT: 1,
    ErrorCode.VALIDATION_FAILED: 2,
}


@dataclass(frozen=True, slots=True)
class _Said:
    """One entry of a node's `errors`."""

    kind: str
    message: str
    details: str
    input_name: str
    received: object
    options: Sequence[str] = field(default=())


def _problem(
    node_id: str,
    about: Mapping[str, Any],
    error: Mapping[str, Any],
    graph: Graph,
    private: Iterable[str],
) -> _Problem:
    extra = _object(error.get("extra_info"))
    name = extra.get("input_name")
    said = _Said(
        kind=str(error.get("type") or ""),
        message=str(error.get("message") or ""),
        details=str(error.get("details") or ""),
        input_name=name if isinstance(name, str) else "",
        received=extra.get("received_value"),
        options=_options(extra.get("input_config")),
    )
    node_type = str(about.get("class_type") or "") or None
    node_title = title(graph, node_id, node_type)
    code, text = _explain(said, node_type or "")
    where = public_text(node_title or node_id, private, 120)
    return _Problem(
        code=code,
        message=public_text(f"“{where}”: {text}", private),
        node=node_id,
        node_title=node_title,
        node_type=node_type,
        field=f"{node_id}.{said.input_name}" if said.input_name else None,
    )


def _explain(said: _Said, node_type: str) -> tuple[ErrorCode, str]:
    is_loader = node_type.startswith("Load") and said.input_name in _MEDIA_INPUTS
    if said.kind == "custom_validation_failed" and (
        is_loader or _INVALID_FILE.search(said.details)
    ):
        file = said.details.rpartition(": ")[2] or said.input_name
        return ErrorCode.MISSING_INPUT, f"the engine does not have the file {file!r}."
    if said.kind == "value_not_in_list":
        if _is_model(said):
            offered = _offered(str(said.received), said.options)
            return ErrorCode.MISSING_MODEL, f"the model {said.received!r} is missing; {offered}."
        if is_loader:
            return ErrorCode.MISSING_INPUT, f"the engine does not have the file {said.received!r}."
        offered = _offered(str(said.received), said.options)
        return (
            ErrorCode.VALIDATION_FAILED,
            f"{said.input_name} cannot be {said.received!r}; {offered}.",
        )
    parts = [said.message or said.kind]
    if said.details and said.details != said.input_name:
        parts.append(said.details)
    lead = f"{said.input_name}: " if said.input_name else ""
    return ErrorCode.VALIDATION_FAILED, lead + ": ".join(parts)


def _is_model(said: _Said) -> bool:
    if not _MODEL_INPUT.search(said.input_name):
        return False
    names = (str(said.received), *said.options)
    return any(_MODEL_FILE.search(name) for name in names)


def _offered(wanted: str, options: Sequence[str]) -> str:
    if not options:
        return "the node offers nothing"
    near = difflib.get_close_matches(wanted[:_NAME_CHARS], options[:2000], n=_OFFERED, cutoff=0.4)
    shown = (near + [option for option in options if option not in near])[:_OFFERED]
    rest = len(options) - len(shown)
    more = f" and {rest} more" if rest > 0 else ""
    return "the node offers " + ", ".join(repr(option)[:100] for option in shown) + more


def _options(config: object) -> tuple[str, ...]:
    """The choices in an input's config: `[[…], {…}]`, or `["COMBO", {"options": […]}]`."""
    match config:
        case [list() as options, *_]:
            return tuple(str(option)[:_NAME_CHARS] for option in options)
        case [str(), {"options": list() as options}, *_]:
            return tuple(str(option)[:_NAME_CHARS] for option in options)
    return ()


def _missing_node(
    error: Mapping[str, Any], graph: Graph, classes: Collection[str], private: Iterable[str]
) -> JobError:
    extra = _object(error.get("extra_info"))
    found = _NODE_ID.search(str(error.get("details") or ""))
    node = str(extra.get("node_id") or (found[1] if found else "")) or None
    entry = graph.get(node, {}) if node is not None else {}
    node_type = str(entry.get("class_type") or extra.get("class_type") or "") or None
    name = title(graph, node, node_type)
    message = f"The engine has no node {node_type or name or node!r}"
    near = difflib.get_close_matches((node_type or "")[:_NAME_CHARS], classes, n=1, cutoff=0.6)
    message += f"; the nearest that it has is {near[0]!r}." if near else "."
    return _job_error(
        ErrorCode.MISSING_NODE,
        public_text(message, private),
        node,
        name,
        node_type,
        field=f"{node}.class_type" if node else None,
    )


def _job_error(
    code: ErrorCode,
    message: str,
    node: str | None = None,
    node_title: str | None = None,
    node_type: str | None = None,
    *,
    field: str | None = None,
    traceback: str | None = None,
) -> JobError:
    details = {
        "node": node,
        "node_title": node_title,
        "node_type": node_type,
        "traceback": traceback,
    }
    return JobError(code, message[:500], field=field, details=details)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
