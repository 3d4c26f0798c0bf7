"""Settings: what is configured, checked once, frozen.

`load_settings()` gives a `Settings`; `SettingsError` says everything that is wrong with them.
"""

from jigdesk.settings.load import load_settings
from jigdesk.settings.model import (
    AuthSettings,
    ComfyUISettings,
    LimitSettings,
    PublisherSettings,
    QueueSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    TunnelSettings,
    WorkflowSettings,
)
from jigdesk.settings.paths import Paths, home_paths
from jigdesk.settings.problems import Problem, SettingsError

__all__ = [
    "AuthSettings",
    "ComfyUISettings",
    "LimitSettings",
    "Paths",
    "Problem",
    "PublisherSettings",
    "QueueSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "TunnelSettings",
    "WorkflowSettings",
    "home_paths",
    "load_settings",
]
