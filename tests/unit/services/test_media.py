"""What a file is: kind, content type, size, length, small picture; limits on inputs."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.services.media import FORMATS, check_clip, check_picture, describe
from jigdesk.services.thumbs import make_thumb
from tests.harness.clips import sound, video
from tests.harness.pictures import bomb, photo


def written(folder: Path, name: str, body: bytes) -> Path:
    path = folder / name
    path.write_bytes(body)
    return path


def animation() -> bytes:
    frames = [Image.new("RGB", (40, 30), (place * 40, 0, 0)) for place in range(4)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=125)
    return buffer.getvalue()


def test_pictures(tmp_path: Path) -> None:
    media = describe(written(tmp_path, "a.png", photo(64, 48)))
    assert (media.kind, media.content_type) == ("image", "image/png")
    assert (media.width, media.height, media.duration_s) == (64, 48, None)
    # the bytes say what it is, not the name
    assert describe(written(tmp_path, "a.jpg", photo())).content_type == "image/png"
    moving = describe(written(tmp_path, "a.webp", animation()))
    assert (moving.kind, moving.content_type) == ("image", "image/webp")
    assert (moving.width, moving.height, moving.duration_s) == (40, 30, 0.5)


def test_videos_and_sounds(tmp_path: Path) -> None:
    clip = describe(written(tmp_path, "a.webm", video(1.0, 64, 48)))
    assert (clip.kind, clip.content_type) == ("video", "video/webm")
    assert (clip.width, clip.height) == (64, 48)
    assert clip.duration_s == pytest.approx(1.0, abs=0.15)
    tone = describe(written(tmp_path, "a.wav", sound(2.0)))
    assert (tone.kind, tone.content_type) == ("audio", "audio/wav")
    assert (tone.width, tone.height) == (None, None)
    assert tone.duration_s == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("name", "kind", "content_type"),
    [
        ("a.glb", "model3d", "model/gltf-binary"),
        ("a.txt", "text", "text/plain"),
        ("a.latent", "other", "application/octet-stream"),
        ("broken.png", "image", "image/png"),
        ("broken.mp4", "video", "video/mp4"),
    ],
)
def test_what_is_not_read_is_told_by_its_name(
    tmp_path: Path, name: str, kind: str, content_type: str
) -> None:
    media = describe(written(tmp_path, name, b"nothing of the kind"))
    assert (media.kind, media.content_type, media.width) == (kind, content_type, None)


def test_small_pictures(tmp_path: Path) -> None:
    target = tmp_path / "thumbs" / "a.webp"
    assert make_thumb(written(tmp_path, "a.png", photo(1600, 800)), "image", target)
    with Image.open(target) as small:
        assert (small.format, small.size) == ("WEBP", (512, 256))
    assert make_thumb(written(tmp_path, "a.webm", video(0.5)), "video", target)
    with Image.open(target) as small:
        assert small.size == (64, 48)
    clear = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(clear, "PNG")
    assert make_thumb(written(tmp_path, "clear.png", clear.getvalue()), "image", target)
    with Image.open(target) as small:
        assert small.mode == "RGBA"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.wav", "audio"), ("a.txt", "text"), ("a.png", "image"), ("a.mp4", "video")],
)
def test_what_has_no_picture_has_no_small_one(tmp_path: Path, name: str, kind: str) -> None:
    target = tmp_path / "thumb.webp"
    assert not make_thumb(written(tmp_path, name, b"nothing"), kind, target)
    assert not target.exists()
    assert not make_thumb(written(tmp_path, "bomb.png", bomb()), "image", target)


def refusal(path: Path, kind: str, **limits: int) -> JobError:
    with pytest.raises(JobError) as caught:
        check_clip(path, kind, "stages[0].inputs.clip", **limits)
    assert caught.value.field == "stages[0].inputs.clip"
    return caught.value


def test_limits_on_videos_and_sounds(tmp_path: Path) -> None:
    clip = written(tmp_path, "a.webm", video(2.0))
    tone = written(tmp_path, "a.wav", sound(3.0))
    assert check_clip(clip, "video", "x", max_seconds=5, max_pixels=64 * 48).width == 64
    assert check_clip(tone, "audio", "x", max_seconds=5).duration_s == pytest.approx(3.0, abs=0.05)
    assert refusal(clip, "video", max_seconds=1).error_code is ErrorCode.INPUT_TOO_LARGE
    assert refusal(clip, "video", max_pixels=100).error_code is ErrorCode.INPUT_TOO_LARGE
    assert refusal(tone, "audio", max_seconds=2).error_code is ErrorCode.INPUT_TOO_LARGE
    assert refusal(tone, "video").error_code is ErrorCode.VALIDATION_FAILED
    broken = written(tmp_path, "broken.mp4", b"no video at all")
    assert refusal(broken, "video").error_code is ErrorCode.VALIDATION_FAILED
    # a playlist would make the reader open whatever it names
    playlist = f"#EXTM3U\n#EXTINF:1,\n{clip}\n#EXT-X-ENDLIST\n".encode()
    refusal(written(tmp_path, "list.mp4", playlist), "video")
    refusal(written(tmp_path, "list.m3u8", playlist), "video")
    concat = f"ffconcat version 1.0\nfile '{clip}'\n".encode()
    refusal(written(tmp_path, "concat.mp4", concat), "video")


def test_pictures_are_decoded_within_limits(tmp_path: Path) -> None:
    path = written(tmp_path, "a.png", photo(64, 48))
    assert check_picture(path, "x", 64 * 48).width == 64
    for name, body, code in (
        ("a.png", photo(64, 48), ErrorCode.INPUT_TOO_LARGE),
        ("bomb.png", bomb(), ErrorCode.INPUT_TOO_LARGE),
        ("cut.png", photo(64, 48)[:200], ErrorCode.VALIDATION_FAILED),
    ):
        with pytest.raises(JobError) as caught:
            check_picture(written(tmp_path, name, body), "x", 100 if "bomb" not in name else None)
        if name != "cut.png":
            assert caught.value.error_code is code


def damaged_tiff() -> bytes:
    """Its second picture says no width."""
    buffer = io.BytesIO()
    pictures = [Image.new("RGB", (40, 30)) for _ in range(2)]
    pictures[0].save(buffer, "TIFF", save_all=True, append_images=pictures[1:])
    body = buffer.getvalue()
    place = body.rindex(b"\x00\x01\x04\x00")
    return body[:place] + b"\x00\x02" + body[place + 2 :]


def damaged_avif() -> bytes:
    """It does not say which of its parts the picture is."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, "AVIF")
    return buffer.getvalue().replace(b"pitm", b"free")


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.tif", damaged_tiff),
        pytest.param(
            "a.avif",
            damaged_avif,
            marks=pytest.mark.skipif("AVIF" not in FORMATS, reason="this Pillow has no AVIF"),
        ),
    ],
)
def test_damage_over_which_a_reader_stumbles_is_damage(
    tmp_path: Path, name: str, make: Callable[[], bytes]
) -> None:
    path = written(tmp_path, name, make())
    with pytest.raises(JobError) as caught:
        check_picture(path, "x")
    assert caught.value.error_code is ErrorCode.VALIDATION_FAILED
    assert describe(path).kind == "image"


def test_a_video_of_an_unknown_codec_is_not_read(tmp_path: Path) -> None:
    clip = written(
        tmp_path, "a.avi", video(0.5, form="avi", codec="mjpeg").replace(b"MJPG", b"QQZ9")
    )
    assert refusal(clip, "video").error_code is ErrorCode.VALIDATION_FAILED
    assert (describe(clip).kind, describe(clip).width) == ("video", None)
    assert not make_thumb(clip, "video", tmp_path / "thumb.webp")
