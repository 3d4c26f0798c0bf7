"""The settings: every section and key with its type, bounds, default and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jigdesk.settings.paths import Paths
from jigdesk.settings.types import (
    AppId,
    Bucket,
    File,
    Folder,
    Host,
    HttpUrl,
    Limit,
    Origin,
    Port,
    Program,
    QuietText,
    Seconds,
    Secret,
    Text,
    WebhookSecret,
)

HOSTED_LIMITS: Mapping[str, int] = {
    "owner_open_jobs": 10,
    "owner_jobs_per_day": 200,
    "owner_bytes_per_day": 10 * 1024**3,
    "address_open_jobs": 20,
    "address_jobs_per_day": 500,
    "address_bytes_per_day": 20 * 1024**3,
    "file_bytes": 512 * 1024**2,
    "file_pixels": 100_000_000,
    "file_seconds": 600,
}
"""The limits that hold with `store.kind = "s3"`, where strangers may send jobs."""


class Section(BaseModel):
    """What all sections share: frozen, no unknown keys, and no value in an error message."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ServerSettings(Section):
    """The two listeners and the webhooks' signatures."""

    public_host: Host = Field("127.0.0.1", description="Address of the webhook listener.")
    public_port: Port = Field(
        8765,
        description="Port of the webhook listener, where the tunnel points; 0 takes a free one.",
    )
    local_host: Host = Field("127.0.0.1", description="Address of the jobs and control API.")
    local_port: Port = Field(
        8766, description="Port of the jobs and control API; 0 takes a free one."
    )
    allowed_hosts: tuple[Host, ...] = Field(
        ("localhost", "127.0.0.1", "::1"),
        min_length=1,
        description="Names that the local listener answers for (the Host header, without port).",
    )
    allowed_origins: tuple[Origin, ...] = Field(
        (), description="Web sites whose pages may call the local listener from a browser."
    )
    webhook_secret: WebhookSecret | None = Field(
        None,
        description="Signs the webhooks. With none, one is drawn and kept in the state folder.",
    )
    webhook_secret_previous: WebhookSecret | None = Field(
        None, description="A second secret that is accepted while the Lambdas change over."
    )


class StoreSettings(Section):
    """Where inputs, results and status documents lie."""

    kind: Literal["local", "s3"] = Field(
        "local", description="`local` keeps objects in a folder, `s3` in a bucket."
    )
    bucket: Bucket = Field("jig-react", description="Name of the bucket.")
    region: Text | None = Field(None, description="Region of the bucket; else boto3's own chain.")
    endpoint_url: HttpUrl | None = Field(
        None, description="Address of an S3-compatible server; else the region's own."
    )
    access_key_id: Text | None = Field(None, description="Access key; else boto3's own chain.")
    secret_access_key: Secret | None = Field(None, description="Belongs to `access_key_id`.")
    url_ttl_s: Annotated[int, Field(ge=60, le=604800)] = Field(
        3600, description="How long signed URLs are valid, in seconds."
    )
    public_base_url: HttpUrl | None = Field(
        None, description="A CDN in front of the bucket; result URLs then begin with it."
    )
    local_dir: Folder | None = Field(
        None, description="Folder of the local store; else `store` beside the jobs' folder."
    )


class PublisherSettings(Section):
    """Where browsers hear of a job's progress."""

    kind: Literal["local", "pusher"] = Field(
        "local",
        description="`local` is the desk's own event stream, `pusher` adds Pusher Channels.",
    )
    app_id: AppId | None = Field(None, description="Pusher's app id.")
    key: Text | None = Field(None, description="Pusher's key (public).")
    secret: Secret | None = Field(None, description="Pusher's secret.")
    cluster: Text | None = Field(None, description="Pusher's cluster, such as eu.")
    host: Host | None = Field(
        None, description="Host of a server that speaks Pusher's protocol, instead of a cluster."
    )
    port: Port | None = Field(None, description="Port of `host`; else 443 or 80.")
    ssl: bool = Field(True, description="Whether to use https.")


class TunnelSettings(Section):
    """How the Lambdas reach the webhook listener."""

    kind: Literal["none", "ngrok", "static"] = Field(
        "none",
        description="`ngrok` runs an agent; `static` is an address that you set up yourself.",
    )
    authtoken: Secret | None = Field(None, description="ngrok's token.")
    domain: Host | None = Field(None, description="A domain reserved at ngrok.")
    region: Text | None = Field(None, description="ngrok's region.")
    ngrok_path: File | None = Field(None, description="The ngrok program; else looked up in PATH.")
    public_url: HttpUrl | None = Field(
        None, description="With `static`: the https address that reaches the webhook listener."
    )


class ComfyUISettings(Section):
    """The engine that runs the workflows."""

    kind: Literal["demo", "managed", "remote"] = Field(
        "demo",
        description=(
            "`demo` is a small engine of the desk's own, `managed` a ComfyUI that the desk starts "
            "and supervises, `remote` one that somebody else runs."
        ),
    )
    path: Folder | None = Field(None, description="With `managed`: the folder with main.py.")
    python: File | None = Field(
        None, description="With `managed`: its Python; else one found beside it."
    )
    args: tuple[str, ...] = Field(
        (),
        description=(
            "With `managed`: further arguments of main.py; not `--port`, which is `port`, and not "
            "`--listen`, since ComfyUI has no authentication."
        ),
    )
    url: HttpUrl | None = Field(None, description="With `remote`: its address.")
    port: Port = Field(
        8188, description="Port of an engine that the desk starts; 0 takes a free one."
    )
    start_timeout_s: Seconds = Field(180.0, description="How long a start may take.")
    stall_timeout_s: Seconds = Field(
        600.0,
        description=(
            "How long a running prompt may say nothing, or the engine not answer at all, before "
            "it counts as stuck and is started again."
        ),
    )
    job_timeout_s: Seconds = Field(
        3600.0, description="How long one stage may run when its template says nothing."
    )


class QueueSettings(Section):
    """How many jobs wait and run."""

    max_depth: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        1000, description="How many unfinished jobs are held; more are refused with 503."
    )
    max_attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        3, description="How often a job is run by itself before it fails for good."
    )
    concurrency: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="How many jobs run at once."
    )
    sweep_s: Annotated[float, Field(ge=1, le=3600)] = Field(
        30.0, description="How often the store is searched for what webhooks did not tell."
    )
    quiet_hours: tuple[QuietText, ...] = Field(
        (),
        max_length=100,
        description=(
            "Times by this machine's clock in which no job starts; new ones are accepted and wait, "
            "and what runs goes on. An end before the beginning is on the next day."
        ),
    )
    yield_to: tuple[Program, ...] = Field(
        (),
        max_length=100,
        description=(
            "Programs to which the GPU is left: while one uses it (where NVIDIA's driver tells), "
            "else while one runs, no job starts."
        ),
    )
    yield_frees_memory: bool = Field(
        True,
        description="Whether the engine unloads its models when the GPU is left to a program.",
    )
    keep_awake: Literal["jobs", "accepting", "never"] = Field(
        "jobs",
        description=(
            "Keeps the machine from falling asleep: `jobs` while a job runs or waits, `accepting` "
            "also while new jobs are accepted."
        ),
    )


class LimitSettings(Section):
    """What one visitor may ask for; 0 is off."""

    owner_open_jobs: Limit = Field(0, description="Unfinished jobs of one owner.")
    owner_jobs_per_day: Limit = Field(0, description="Jobs of one owner in 24 hours.")
    owner_bytes_per_day: Limit = Field(0, description="Uploaded bytes of one owner in 24 hours.")
    address_open_jobs: Limit = Field(0, description="Unfinished jobs from one address.")
    address_jobs_per_day: Limit = Field(0, description="Jobs from one address in 24 hours.")
    address_bytes_per_day: Limit = Field(
        0, description="Uploaded bytes from one address in 24 hours."
    )
    file_bytes: Limit = Field(0, description="Bytes of one uploaded file.")
    file_pixels: Limit = Field(0, description="Width times height of one picture or video.")
    file_seconds: Limit = Field(0, description="Length of one video or sound.")


class WorkflowSettings(Section):
    """Where templates are found."""

    dirs: tuple[Folder, ...] = Field(
        (), description="Folders with templates, beside those that ship."
    )


class AuthSettings(Section):
    """Signed-in visitors."""

    supabase_url: HttpUrl | None = Field(
        None, description="The Supabase project whose users may sign in."
    )
    supabase_jwt_secret: Secret | None = Field(
        None, description="Checks tokens that are signed with the project's shared secret."
    )


class Settings(Section):
    """Everything that is configured, checked once, never changed.

    Made by `load_settings`; `paths` says where this home keeps its files.
    """

    paths: Paths = Field(exclude=True)
    secrets_dir: Folder | None = Field(
        None,
        description=(
            "Folder with one file of mode 0600 a secret, named `section__key`; "
            "else `secrets` beside config.toml."
        ),
    )
    server: ServerSettings = Field(default_factory=ServerSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    publisher: PublisherSettings = Field(default_factory=PublisherSettings)
    tunnel: TunnelSettings = Field(default_factory=TunnelSettings)
    comfyui: ComfyUISettings = Field(default_factory=ComfyUISettings)
    queue: QueueSettings = Field(default_factory=QueueSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    workflows: WorkflowSettings = Field(default_factory=WorkflowSettings)
    auth: AuthSettings = Field(default_factory=AuthSettings)

    @model_validator(mode="before")
    @classmethod
    def _limit_strangers(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        store, limits = data.get("store"), data.get("limits", {})
        kind = store.get("kind") if isinstance(store, Mapping) else getattr(store, "kind", None)
        if kind == "s3" and isinstance(limits, Mapping):
            return {**data, "limits": {**HOSTED_LIMITS, **limits}}
        return data
