"""Videos and sounds, read with FFmpeg's libraries; imported only where one is at hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
from av.error import FFmpegError
from PIL import Image

from jigdesk.services.media import UNREADABLE

_MICROSECONDS = 1_000_000
_MAX_TRIES = 200
_MAX_FRAME_PIXELS = 256_000_000
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mp3,flac,wav,w64,aac,aiff,"
    "gif,caf,amr,ac3,opus"
)
_LOCAL_ONLY = {"protocol_whitelist": "file", "format_whitelist": _FORMATS, "enable_drefs": "0"}
"""No playlists: a reference inside a stranger's file must not lead anywhere else."""


class Unreadable(ValueError):
    """The file is damaged or of a kind that is not read."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What a video or a sound is; each is None where the file does not say."""

    has_video: bool
    has_audio: bool
    width: int | None
    height: int | None
    duration_s: float | None


def look(path: Path) -> Clip:
    """Read a file's head. Blocks. Raises Unreadable."""
    try:
        with av.open(str(path), options=_LOCAL_ONLY) as container:
            video = container.streams.video[0] if container.streams.video else None
            audio = container.streams.audio[0] if container.streams.audio else None
            duration_s = None
            if container.duration is not None and container.duration > 0:
                duration_s = container.duration / _MICROSECONDS
            else:
                for stream in (video, audio):
                    if stream is not None and stream.duration and stream.time_base:
                        duration_s = float(stream.duration * stream.time_base)
                        break
            return Clip(
                video is not None,
                audio is not None,
                None if video is None else video.width or None,
                None if video is None else video.height or None,
                None if duration_s is None else round(duration_s, 3),
            )
    except (FFmpegError, *UNREADABLE) as error:
        raise Unreadable(f"{path.name}: {error}") from error


def first_frame(path: Path) -> Image.Image | None:
    """A video's first frame; None when it has none. Blocks. Raises Unreadable."""
    try:
        with av.open(str(path), options=_LOCAL_ONLY) as container:
            if not container.streams.video:
                return None
            stream = container.streams.video[0]
            if stream.width * stream.height > _MAX_FRAME_PIXELS:
                return None
            for tries, packet in enumerate(container.demux(stream)):
                for frame in packet.decode():
                    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
                    return picture
                if tries > _MAX_TRIES:
                    break
    except (FFmpegError, *UNREADABLE) as error:
        raise Unreadable(f"{path.name}: {error}") from error
    return None
