"""Listings agree with the plain definition: sorted keys, folded at slashes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from jigdesk.adapters.store.layout import Layout
from jigdesk.adapters.store.listing import Listed, Query, walk

_PART = st.text("ab.-0:é", min_size=1, max_size=3).filter(lambda part: not part.endswith("."))
_KEY = st.lists(_PART, min_size=1, max_size=4).map("/".join)
_MARK = st.text("ab.-0/:é\U0010ffff", max_size=4)


def expected(keys: set[str], query: Query) -> list[Listed]:
    found: list[Listed] = []
    for key in sorted(keys, key=lambda each: each.encode()):
        head, slash, _ = key.removeprefix(query.prefix).partition("/")
        if not key.startswith(query.prefix):
            continue
        listed = Listed(key, is_prefix=False)
        if query.folded and slash:
            listed = Listed(query.prefix + head + "/", is_prefix=True)
        if listed.key > query.after and listed not in found:
            found.append(listed)
    return found


@settings(max_examples=150, deadline=None)
@given(st.sets(_KEY, max_size=12), _MARK, _MARK, st.booleans(), st.booleans())
def test_listings_agree_with_their_definition(
    keys: set[str], prefix: str, after: str, folded: bool, windows: bool
) -> None:
    files = {key for key in keys if not any(other.startswith(key + "/") for other in keys)}
    query = Query(prefix, after, folded)
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder), "bucket", windows)
        layout.objects.mkdir()
        for key in files:
            path = layout.path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        assert list(walk(layout, query)) == expected(files, query)


@given(_KEY)
def test_windows_names_have_no_colon_and_come_back(key: str) -> None:
    layout = Layout(Path("root"), "bucket", windows=True)
    parts = layout.path(key).relative_to(layout.objects).parts
    assert not any(":" in part for part in parts)
    assert "/".join(layout.key_part(part) or "" for part in parts) == key


def test_names_that_no_key_has_are_left_out(tmp_path: Path) -> None:
    layout = Layout(tmp_path, "bucket")
    layout.objects.mkdir()
    for name in ("good", "con.txt", "back\\slash", " space"):
        (layout.objects / name).write_bytes(b"")
    (layout.objects / b"\xff\xfe".decode(errors="surrogateescape")).write_bytes(b"")
    assert [each.key for each in walk(layout, Query("", "", folded=False))] == ["good"]
