"""What a visitor reads holds no path, address or secret of the machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.adapters.comfyui.redact import MAX_CHARS, public_text
from tests.harness.cost import assert_linear


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot open '/opt/ComfyUI/input/broken.png'\n", "cannot open 'broken.png'"),
        ("no file /home/alice/models/sd.safetensors, sorry", "no file sd.safetensors, sorry"),
        ("in /home/alice/ComfyUI it failed", "in … it failed"),
        (r"can't read C:\Users\Alice Smith\in.png", r"can't read … Smith\in.png"),
        (r"can't read 'C:\Users\Alice Smith\in.png'", "can't read 'in.png'"),
        (r"share \\nas\photos\x.png gone", "share x.png gone"),
        ("~/secret/notes.txt", "notes.txt"),
        ("/etc.conf", "etc.conf"),
        ("get http://10.0.0.5:8188/view?x=1 failed", "get (address) failed"),
        ("HTTPSConnectionPool(host='gpu1.lan', port=443)", "host=(address), port=443"),
        ("connect to 192.168.1.20:8188", "connect to (address)"),
        ("connect to localhost:8188", "connect to (address)"),
        ("connect to gpu-7.internal failed", "connect to (address) failed"),
        ("token=abcdef123456 was refused", "(secret) was refused"),
        ("bad key hf_abcdefghijkl", "bad key (secret)"),
        ("\x1b[31mred\x1b[0m\x00 text", "red text"),
        ("Token indices are too long", "Token indices are too long"),
        ("nodes.py:1647 in load", "nodes.py:1647 in load"),
        ("values 1/2 and a/b stay", "values 1/2 and a/b stay"),
        ("shape (1, 4, 8) torch.float16 v1.2.3", "shape (1, 4, 8) torch.float16 v1.2.3"),
        ("lines\n  become\tone", "lines become one"),
    ],
)
def test_what_goes_and_what_stays(text: str, expected: str) -> None:
    clean = public_text(text)
    assert expected in clean
    for private in ("alice", "opt", "home", "10.0", "192.168", "gpu", "hf_", "abcdef", "nas"):
        assert private not in clean.lower() or private in expected.lower()


def test_the_machines_own_name_goes() -> None:
    assert public_text("worker Render-Box-3 died", ["render-box-3"]) == "worker (address) died"
    assert public_text("a gpu worker", ["gpu"]) == "a gpu worker"  # too short to tell


def test_a_long_text_is_cut() -> None:
    clean = public_text("word " * 1000)
    assert len(clean) <= MAX_CHARS
    assert clean.endswith("…")


@pytest.mark.parametrize("part", ["/a", "a.", "1.", "'/", "C:\\", "a-", "[:", "host='"])
def test_no_text_takes_long(part: str) -> None:
    assert_linear(lambda count: public_text(part * count), 25_000)


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    assert len(public_text(text, ["hostname"])) <= MAX_CHARS


@given(st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=2, max_size=5))
def test_no_absolute_path_is_left(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    assert path not in public_text(f"failed at {path}: bad")
    assert path not in public_text(f"failed at '{path}.png'")
