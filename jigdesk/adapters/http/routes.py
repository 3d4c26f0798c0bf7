"""Every route of both listeners, in one table: what `/openapi.json` says is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Side(StrEnum):
    """Which listener answers."""

    PUBLIC = "public"
    LOCAL = "local"


class Auth(StrEnum):
    """What a caller must show."""

    NONE = "none"
    SIGNATURE = "signature"
    TOKEN = "token"  # noqa: S105 - the control token's scheme
    USER = "user"  # a JWT, or a client id in the query
    URL = "url"  # the URL itself is signed


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter, or (`place` header) a header; `schema` is JSON Schema."""

    name: str
    description: str
    schema: Mapping[str, object]
    place: str = "query"


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent or answered: a named schema, or None for text and bytes of `media_type`."""

    schema: str | None
    media_type: str = JSON


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `answers` maps a status to what it says (None: no body)."""

    method: str
    path: str
    operation: str
    summary: str
    side: Side
    auth: Auth
    answers: Mapping[int, Body | None]
    takes: Body | None = None
    takes_required: bool = True
    parameters: tuple[Parameter, ...] = ()


_TEXT: Mapping[str, object] = {"type": "string"}
_CLIENT = Parameter(
    "client_id",
    "The browser's id, where no JWT is sent.",
    {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"},
)
_LIMIT = Parameter(
    "limit",
    "How many items at most.",
    {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
)
_API_LIMIT = Parameter(
    "limit",
    "How many jobs at most.",
    {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
)
_CURSOR = Parameter("cursor", "`next_cursor` of the page before.", _TEXT)
_ERROR = Body("Error")


def _webhook(name: str, schema: str, summary: str, *more: int) -> Route:
    return Route(
        "POST",
        f"/webhooks/{name}",
        schema[0].lower() + schema[1:],
        summary,
        Side.PUBLIC,
        Auth.SIGNATURE,
        {200: Body("Receipt"), 202: Body("Receipt")}
        | dict.fromkeys((401, *more, 408, 413, 415, 422, 503), _ERROR),
        takes=Body(schema),
    )


def _api(
    method: str,
    path: str,
    operation: str,
    summary: str,
    answers: Mapping[int, Body | None],
    *,
    takes: Body | None = None,
    parameters: tuple[Parameter, ...] = (_CLIENT,),
) -> Route:
    errors = dict.fromkeys((400, 401, 404, 413, 422, 429, 503), _ERROR)
    return Route(
        method,
        f"/api{path}",
        operation,
        summary,
        Side.LOCAL,
        Auth.USER,
        {**answers, **errors},
        takes=takes,
        parameters=parameters,
    )


def _control(
    method: str,
    path: str,
    operation: str,
    summary: str,
    answers: Mapping[int, Body | None],
    *,
    takes: Body | None = None,
    parameters: tuple[Parameter, ...] = (),
) -> Route:
    return Route(
        method,
        f"/control{path}",
        operation,
        summary,
        Side.LOCAL,
        Auth.TOKEN,
        {**answers, 400: _ERROR, 401: _ERROR, 403: _ERROR},
        takes=takes,
        takes_required=False,
        parameters=parameters,
    )


def _page(path: str, operation: str, summary: str, answers: Mapping[int, Body | None]) -> Route:
    return Route("GET", path, operation, summary, Side.LOCAL, Auth.NONE, answers)


_COMMANDED = {202: Body("CommandAnswer"), 409: _ERROR}
_JOB = {202: Body("ControlJob"), 404: _ERROR, 409: _ERROR}
_QUEUE: Mapping[int, Body | None] = {200: Body("Queue")}
_ENGINE = {202: Body("EngineState"), 409: _ERROR, 503: _ERROR}
_SIGNED_FILE = {200: Body(None, "application/octet-stream"), 403: _ERROR, 404: _ERROR}

ROUTES: tuple[Route, ...] = (
    _webhook("job-created", "JobCreated", "A job's manifest and files are in the store."),
    _webhook("job-output", "JobOutput", "Results appeared in the store.", 404),
    _webhook("job-command", "JobCommand", "An owner asks for a cancel or a retry.", 404),
    Route(
        "GET",
        "/healthz",
        "healthz",
        "The desk lives; with a nonce, the proof that it is this one.",
        Side.PUBLIC,
        Auth.NONE,
        {200: Body("Health"), 400: _ERROR},
        parameters=(
            Parameter(
                "nonce",
                "Answered by an HMAC under a random key of this run.",
                {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"},
            ),
        ),
    ),
    Route(
        "GET",
        "/readyz",
        "readyz",
        "The desk accepts jobs; else why not.",
        Side.PUBLIC,
        Auth.NONE,
        {200: Body("Ready"), 503: Body("NotReady")},
    ),
    _api(
        "POST",
        "/jobs",
        "createJob",
        "Check a job and presign its uploads.",
        {201: Body("JobTicket")},
        takes=Body("NewJob"),
        parameters=(),
    ),
    _api(
        "GET",
        "/jobs",
        "listJobs",
        "The caller's jobs, newest first.",
        {200: Body("JobList")},
        parameters=(_CLIENT, _API_LIMIT, _CURSOR),
    ),
    _api("GET", "/jobs/{job_id}", "getJob", "One job and its files.", {200: Body("Job")}),
    _api("POST", "/jobs/{job_id}/cancel", "cancelJob", "End a job.", _COMMANDED),
    _api("POST", "/jobs/{job_id}/retry", "retryJob", "Start a new attempt.", _COMMANDED),
    _api(
        "GET",
        "/workflows",
        "listWorkflows",
        "What can be asked for.",
        {200: Body("WorkflowList")},
        parameters=(),
    ),
    _api(
        "POST",
        "/pusher/auth",
        "authorisePusher",
        "Sign a private channel for its owner.",
        {200: Body("PusherAuth"), 403: _ERROR},
        takes=Body("PusherSubscription", FORM),
        parameters=(),
    ),
    Route(
        "GET",
        "/events/{job_id}",
        "streamEvents",
        "A job's events as Server-Sent Events: everything, or what follows the last event id.",
        Side.LOCAL,
        Auth.USER,
        {
            200: Body(None, "text/event-stream"),
            204: None,
            400: _ERROR,
            401: _ERROR,
            404: _ERROR,
            503: _ERROR,
        },
        parameters=(
            _CLIENT,
            Parameter("ticket", "Short-lived, from GET /api/jobs/{job_id}.", _TEXT),
            Parameter(
                "last_event_id",
                "The seq of the last event seen; 0 replays from the start.",
                {"type": "integer", "minimum": 0},
            ),
            Parameter(
                "Last-Event-ID",
                "The same, as EventSource sends it; it goes before the query.",
                {"type": "integer", "minimum": 0},
                place="header",
            ),
        ),
    ),
    Route(
        "GET",
        "/files/{key}",
        "getFile",
        "Read an object of the local store by its signed URL.",
        Side.LOCAL,
        Auth.URL,
        {
            **_SIGNED_FILE,
            206: Body(None, "application/octet-stream"),
            304: None,
            416: _ERROR,
            503: _ERROR,
        },
    ),
    Route(
        "PUT",
        "/files/{key}",
        "putFile",
        "Write an object of the local store by its signed URL.",
        Side.LOCAL,
        Auth.URL,
        {200: None} | dict.fromkeys((400, 403, 408, 411, 413, 415, 503), _ERROR),
        takes=Body(None, "application/octet-stream"),
    ),
    _page("/dock", "dock", "The job dock's page.", {200: Body(None, "text/html"), 404: _ERROR}),
    _page(
        "/dock/{path}",
        "dockAsset",
        "A file of the job dock.",
        {200: Body(None, "application/octet-stream"), 404: _ERROR},
    ),
    _page("/metrics", "metrics", "Prometheus text.", {200: Body(None, "text/plain")}),
    _page("/openapi.json", "openapi", "This document.", {200: Body("AnyObject")}),
    _control(
        "GET",
        "/jobs",
        "controlJobs",
        "All jobs, newest first.",
        {200: Body("ControlJobList")},
        parameters=(
            Parameter("state", "One status, or several with commas between.", _TEXT),
            Parameter(
                "q",
                "Searched in id, owner, workflow and message.",
                {"type": "string", "maxLength": 200},
            ),
            _LIMIT,
            _CURSOR,
        ),
    ),
    _control(
        "GET",
        "/jobs/{job_id}",
        "controlJob",
        "Everything about one job.",
        {200: Body("ControlJobDetail"), 404: _ERROR},
    ),
    _control("POST", "/jobs/{job_id}/retry", "controlRetry", "Start a new attempt.", _JOB),
    _control("POST", "/jobs/{job_id}/cancel", "controlCancel", "End a job.", _JOB),
    _control("POST", "/jobs/{job_id}/prioritise", "controlPrioritise", "Put a job first.", _JOB),
    _control("GET", "/queue", "controlQueue", "How the queue stands.", _QUEUE),
    _control(
        "POST",
        "/queue/pause",
        "controlPause",
        "Hold the queue: jobs are accepted and wait.",
        _QUEUE,
        takes=Body("PauseReason"),
    ),
    _control("POST", "/queue/resume", "controlResume", "End a pause or a drain.", _QUEUE),
    _control("POST", "/queue/drain", "controlDrain", "Accept nothing new.", _QUEUE),
    _control(
        "GET",
        "/workflows",
        "controlWorkflows",
        "Every workflow of this host, and why some cannot run.",
        {200: Body("WorkflowStandingList")},
    ),
    _control("GET", "/health", "controlHealth", "The checks.", {200: Body("HealthChecks")}),
    _control(
        "GET",
        "/resources",
        "controlResources",
        "What the machine did, a sample a second, oldest first.",
        {200: Body("ResourceList"), 400: _ERROR},
        parameters=(
            Parameter(
                "seconds",
                "How far back; 60 when it is not given.",
                {"type": "integer", "minimum": 1, "maximum": 900},
            ),
        ),
    ),
    _control(
        "GET",
        "/comfyui",
        "controlEngine",
        "The engine, its process and its last lines of output.",
        {200: Body("EngineState")},
    ),
    _control("POST", "/comfyui/start", "controlEngineStart", "Start the engine.", _ENGINE),
    _control("POST", "/comfyui/stop", "controlEngineStop", "Stop the engine.", _ENGINE),
    _control("POST", "/comfyui/restart", "controlEngineRestart", "Restart it.", _ENGINE),
    _control(
        "POST",
        "/comfyui/attach",
        "controlEngineAttach",
        "Use the engine that somebody else runs on the port.",
        _ENGINE,
    ),
    _control(
        "POST",
        "/comfyui/end-owner",
        "controlEngineEndOwner",
        "End the process that holds the engine's port, and start the engine.",
        _ENGINE,
        parameters=(
            Parameter("pid", "The process that holds it now.", {"type": "integer", "minimum": 1}),
        ),
    ),
    _control(
        "POST",
        "/comfyui/move",
        "controlEngineMove",
        "Start the engine on another port.",
        _ENGINE,
        parameters=(
            Parameter("port", "A free port.", {"type": "integer", "minimum": 1, "maximum": 65_535}),
        ),
    ),
    _control(
        "POST",
        "/comfyui/free",
        "controlEngineFree",
        "Unload models and free GPU memory before the next prompt.",
        _ENGINE,
    ),
    _control(
        "GET",
        "/requests",
        "controlRequests",
        "What came in on the public listener, newest first.",
        {200: Body("RequestList")},
        parameters=(_LIMIT, _CURSOR),
    ),
    _control(
        "POST",
        "/requests/{request_id}/replay",
        "controlReplay",
        "Send a logged webhook again, freshly signed, under a new id.",
        {202: Body("Replayed"), 404: _ERROR, 409: _ERROR, 413: _ERROR, 503: _ERROR},
        takes=Body("ReplayBody"),
    ),
)
