"""The local store as a folder that other programs, and other desks, look into."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jigdesk.adapters.store.disk import place_new
from jigdesk.adapters.store.local import LocalStore
from jigdesk.adapters.store.metadata import Note, write_note
from jigdesk.adapters.store.signing import UrlSigner
from jigdesk.domain.errors import PreconditionFailed, SetupError, StoreError, StoreUnavailable
from jigdesk.domain.keys import index_key
from tests.harness.waiting import PATIENCE_S

JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"
OUTPUTS = f"outputs/{JOB}/blur/"


def open_store(root: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> LocalStore:
    return LocalStore(root, "jig-react", UrlSigner(bytes(32)), lambda: "http://127.0.0.1:1", now)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return open_store(tmp_path)


def test_objects_are_plain_files_under_their_keys(store: LocalStore, tmp_path: Path) -> None:
    store.put(OUTPUTS + "a.txt", b"hello", "text/plain")
    assert (tmp_path / "jig-react" / "outputs" / JOB / "blur" / "a.txt").read_bytes() == b"hello"
    assert [each.key for each in store.page("").objects] == [OUTPUTS + "a.txt"]


def test_another_store_on_the_folder_sees_the_same(store: LocalStore, tmp_path: Path) -> None:
    written = store.put(OUTPUTS + "a.bin", b"hello", "image/webp")
    other = open_store(tmp_path)
    assert other.head(OUTPUTS + "a.bin") == written
    with pytest.raises(PreconditionFailed):
        other.put(OUTPUTS + "a.bin", b"mine", create_only=True)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "a/../../x",
        "..",
        "a//b",
        "a/",
        "./a",
        "a\\b",
        "a\x00b",
        "a\nb",
        "con.txt",
        "a/b.",
        "a/" + "x" * 256,
        "x/" * 600 + "x",
        "a/\ud800",
        "a\uf03ab",
    ],
)
def test_a_key_that_could_lead_elsewhere_is_refused(
    store: LocalStore, tmp_path: Path, key: str
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    for call in (
        lambda: store.put(key, b"x"),
        lambda: store.get(key, 10),
        lambda: store.head(key),
        lambda: store.upload(source, key, "text/plain"),
        lambda: store.download(key, tmp_path / "target", 10),
        lambda: store.delete([key]),
        lambda: store.presign_get(key, 10),
        lambda: store.presign_put(key, 1, "text/plain", 10),
    ):
        with pytest.raises(StoreError) as caught:
            call()
        assert caught.value.code == "bad_key"
    assert store.page("").objects == ()


@pytest.mark.parametrize("prefix", ["../", "/", "a//", "..", "\x00", "a/../"])
def test_a_strange_prefix_matches_nothing(store: LocalStore, prefix: str) -> None:
    store.put("a/b", b"x", "text/plain")
    assert store.page(prefix).objects == ()


def test_owner_ids_keep_their_colon(store: LocalStore) -> None:
    key = index_key("client:abcdefgh", JOB)
    store.put(key, b"{}")
    assert [each.key for each in store.page("job-index/by-client/client:abcdefgh/").objects] == [
        key
    ]
    assert store.page("job-index/by-client/", delimiter="/").prefixes == (
        "job-index/by-client/client:abcdefgh/",
    )


def test_a_file_put_there_by_hand_is_an_object(store: LocalStore, tmp_path: Path) -> None:
    path = tmp_path / "jig-react" / "inputs" / JOB / "photo.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"12345")
    key = f"inputs/{JOB}/photo.png"
    info = store.head(key)
    assert info is not None
    assert (info.size_bytes, info.content_type) == (5, "image/png")
    assert store.page("inputs/").objects == (info,)
    assert store.get(key, 10) == (b"12345", info)
    store.put(key, b"123456", "image/png", if_match=info.etag)
    assert store.get(key, 10)[0] == b"123456"


def test_an_object_changed_by_hand_has_another_etag(store: LocalStore, tmp_path: Path) -> None:
    written = store.put(OUTPUTS + "a.txt", b"before", "text/x-own")
    path = tmp_path / "jig-react" / OUTPUTS / "a.txt"
    path.write_bytes(b"behind")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 5_000_000))
    now = store.head(OUTPUTS + "a.txt")
    assert now is not None
    assert now.etag != written.etag
    assert now.content_type == "text/plain"
    with pytest.raises(PreconditionFailed):
        store.put(OUTPUTS + "a.txt", b"mine", if_match=written.etag)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"version": 2}', b"\xff", b"null"])
def test_a_damaged_note_costs_no_more_than_the_type(
    store: LocalStore, tmp_path: Path, damage: bytes
) -> None:
    store.put(OUTPUTS + "a.png", b"12345", "image/x-own")
    (note,) = (tmp_path / ".jigdesk").rglob("*.json")
    note.write_bytes(damage)
    body, info = store.get(OUTPUTS + "a.png", 10)
    assert (body, info.content_type) == (b"12345", "image/png")


def test_the_note_of_an_older_file_does_not_count(store: LocalStore, tmp_path: Path) -> None:
    """As after a power cut between the file and its note."""
    written = store.put(OUTPUTS + "a.txt", b"12345", "text/x-own")
    (note,) = (tmp_path / ".jigdesk").rglob("*.json")
    write_note(note, OUTPUTS + "a.txt", Note("text/x-old", "old", 5, 1))
    info = store.head(OUTPUTS + "a.txt")
    assert info is not None
    assert info.content_type == "text/plain"
    assert info.etag not in ("old", written.etag)


def test_rewrites_in_the_same_moment_are_told_apart(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    store = open_store(tmp_path, lambda: moment)
    first = store.put(OUTPUTS + "a.json", b"1")
    second = store.put(OUTPUTS + "a.json", b"2")
    assert first.last_modified == moment
    assert second.last_modified == moment + timedelta(milliseconds=1)
    assert store.head(OUTPUTS + "a.json") == second


def test_an_object_and_a_folder_cannot_share_a_name(store: LocalStore) -> None:
    store.put("a/b", b"x", "text/plain")
    with pytest.raises(StoreError, match="folder"):
        store.put("a", b"x", "text/plain")
    with pytest.raises(StoreError):
        store.put("a/b/c", b"x", "text/plain")
    assert store.head("a") is None
    assert store.head("a/b/c") is None
    store.delete(["a", "a/b/c"])
    assert store.get("a/b", 10)[0] == b"x"


def test_deleting_leaves_no_empty_folder(store: LocalStore, tmp_path: Path) -> None:
    store.put(OUTPUTS + "a", b"x", "text/plain")
    store.put("hosts/h.json", b"{}")
    store.delete([OUTPUTS + "a"])
    assert [path.name for path in (tmp_path / "jig-react").iterdir()] == ["hosts"]
    assert list((tmp_path / ".jigdesk").rglob("*.part")) == []


def test_names_on_the_way_are_used_again_and_never_by_two(store: LocalStore) -> None:
    """Python 3.12 keeps each name of a path for good."""
    names = set()
    for number in range(20):
        incoming = store.begin()
        incoming.write(b"%d" % number)
        names.add(incoming.path.name)
        if number % 2:
            store.commit(incoming, f"a/{number}", "text/plain")
        other = store.begin()  # it may have got the name
        other.write(b"other")
        incoming.discard()
        store.commit(other, f"b/{number}", "text/plain")
        other.discard()
        assert store.get(f"b/{number}", 10)[0] == b"other"
    assert len(names) <= 2


def test_one_that_is_discarded_while_it_is_taken_over_keeps_its_name(store: LocalStore) -> None:
    incoming = store.begin()
    incoming.write(b"mine")
    incoming.finish(1)  # as `commit` begins, in another thread
    incoming.discard()  # the caller left
    others = [store.begin() for _ in range(50)]
    assert incoming.path not in [other.path for other in others]
    for other in others:
        other.discard()


def test_links_and_empty_folders_are_not_listed(store: LocalStore, tmp_path: Path) -> None:
    store.put("a/b", b"x", "text/plain")
    (tmp_path / "jig-react" / "empty" / "deep").mkdir(parents=True)
    (tmp_path / "jig-react" / "loop").symlink_to(tmp_path)
    (tmp_path / "jig-react" / "secret").symlink_to("/etc/hostname")
    page = store.page("", delimiter="/")
    assert (page.objects, page.prefixes) == ((), ("a/",))
    assert [each.key for each in store.page("").objects] == ["a/b"]
    assert store.head("secret") is None


def test_created_is_told_for_inputs_and_outputs_only(store: LocalStore, tmp_path: Path) -> None:
    told: list[str] = []
    source = tmp_path / "source"
    source.write_bytes(b"x")
    stop = store.on_created(told.append)
    store.put(f"inputs/{JOB}/request.json", b"{}")
    store.upload(source, OUTPUTS + "a.png", "image/png")
    store.put(f"jobs/{JOB}/status.json", b"{}")
    store.put("hosts/h.json", b"{}")
    store.put("outputs/no-job/a.png", b"", "image/png")
    with pytest.raises(PreconditionFailed):
        store.put(OUTPUTS + "a.png", b"", "image/png", create_only=True)
    assert told == [f"inputs/{JOB}/request.json", OUTPUTS + "a.png"]
    stop()
    store.put(f"inputs/{JOB}/request.json", b"{}")
    assert len(told) == 2


def test_an_upload_cut_off_by_a_crash_is_removed_a_day_later(
    store: LocalStore, tmp_path: Path
) -> None:
    old, new = store.begin(), store.begin()
    for incoming in (old, new):
        incoming.write(b"half")
    os.utime(old.path, (0, 0))
    open_store(tmp_path)
    assert (old.path.exists(), new.path.exists()) == (False, True)
    for incoming in (old, new):
        incoming.discard()
    assert not new.path.exists()


def test_more_than_announced_is_refused_and_leaves_nothing(store: LocalStore) -> None:
    incoming = store.begin(max_bytes=5)
    incoming.write(b"123")
    with pytest.raises(StoreError, match="More than the 5 bytes"):
        incoming.write(b"456")
    incoming.discard()
    assert not incoming.path.exists()
    with pytest.raises(StoreError):
        incoming.write(b"")
    with pytest.raises(StoreError):
        store.commit(incoming, "a", "text/plain")
    assert store.head("a") is None


@pytest.mark.parametrize("kind", ["", "png", "image/png\r\nX: y", "image/" + "x" * 200, "a/ü"])
def test_what_is_no_content_type_is_refused(store: LocalStore, kind: str) -> None:
    with pytest.raises(StoreError, match="content type"):
        store.put("a", b"", kind)
    with pytest.raises(StoreError, match="content type"):
        store.presign_put("a", 1, kind, 60)


@pytest.mark.parametrize("bucket", ["", ".", "..", "a/b", "../x", ".jigdesk", "x" * 64])
def test_a_bucket_is_one_visible_folder(tmp_path: Path, bucket: str) -> None:
    with pytest.raises(SetupError):
        LocalStore(tmp_path, bucket, UrlSigner(bytes(32)), lambda: "")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_rights_is_refused_for_good(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "jig-react").chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        store.put("a/b", b"x")
    (tmp_path / "jig-react").chmod(0o700)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_as_passing(store: LocalStore, tmp_path: Path) -> None:
    store.put("a", b"x" * 100, "text/plain")
    (tmp_path / "target.part").symlink_to("/dev/full")
    with pytest.raises(StoreUnavailable, match="No space left"):
        store.download("a", tmp_path / "target", 1000)
    assert not (tmp_path / "target.part").is_symlink()
    assert not (tmp_path / "target").exists()


def test_place_new_yields_to_who_was_first(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    target.write_bytes(b"first")
    with pytest.raises(FileExistsError):
        place_new(source, target)
    assert (source.read_bytes(), target.read_bytes()) == (b"new", b"first")
    target.unlink()
    place_new(source, target)
    assert (source.exists(), target.read_bytes()) == (False, b"new")


_RACE = """
import sys
from pathlib import Path
from jigdesk.adapters.store.local import LocalStore
from jigdesk.adapters.store.signing import UrlSigner
from jigdesk.domain.errors import PreconditionFailed
store = LocalStore(Path(sys.argv[1]), "jig-react", UrlSigner(bytes(32)), lambda: "")
print("ready", flush=True)
sys.stdin.readline()
won = 0
for number in range(40):
    try:
        store.put(f"jobs/{number}/state.json", sys.argv[2].encode(), create_only=True)
        won += 1
    except PreconditionFailed:
        pass
added = 0
while added < 40:
    body, info = store.get("counter", 100)
    try:
        store.put("counter", str(int(body) + 1).encode(), if_match=info.etag)
        added += 1
    except PreconditionFailed:
        pass
print(won)
"""


def test_of_two_processes_exactly_one_wins(store: LocalStore, tmp_path: Path) -> None:
    store.put("counter", b"0")
    desks = [
        subprocess.Popen(
            [sys.executable, "-c", _RACE, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for desk in desks:
        assert desk.stdout is not None
        assert desk.stdout.readline() == "ready\n"
    for desk in desks:
        assert desk.stdin is not None
        desk.stdin.write("\n")
        desk.stdin.flush()
    answers = [desk.communicate(timeout=PATIENCE_S)[0] for desk in desks]
    won = [int(answer) for answer in answers]
    assert sum(won) == 40
    states = [store.get(f"jobs/{number}/state.json", 10)[0] for number in range(40)]
    assert [states.count(b"one"), states.count(b"two")] == won
    assert store.get("counter", 100)[0] == b"80"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda store, key: store.delete([key]), id="delete"),
        pytest.param(lambda store, key: store.commit(store.begin(), key, "text/plain"), id="put"),
        pytest.param(
            lambda store, key: store.upload(Path(__file__), key, "text/plain"), id="upload"
        ),
    ],
)
def test_a_file_that_cannot_be_opened_now_may_be_later(
    store: LocalStore, write: Callable[[LocalStore, str], object]
) -> None:
    import resource

    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, most))
    try:
        with pytest.raises(StoreUnavailable, match="open files"):
            write(store, OUTPUTS + "a.txt")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
    write(store, OUTPUTS + "a.txt")
