"""The dock's rules, each module by itself, run by the browser that they are written for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.harness.serving import Serving

pytestmark = pytest.mark.realparts

JOB_ID = "00000000-0000-4000-8000-000000000001"
STORE = "http://127.0.0.1:9000"

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def run(chromium: Browser, desk: Serving) -> Iterator[Run]:
    """Runs a function of the modules `job`, `urls`, `send`, `fields` and `words` in the page."""
    page = chromium.new_page()
    page.goto(f"{desk.local_url}/dock")
    names = ("job", "urls", "send", "fields", "words")
    imports = ", ".join(f"{name}: await import('/dock/dock/{name}.js')" for name in names)

    def call(body: str, argument: object = None) -> Any:
        return page.evaluate(f"async (it) => ({body})({{{imports}}}, it)", argument)

    yield call
    page.close()


FOLLOW = (
    """({job, urls}, steps) => {
  const origins = new urls.Origins('http://127.0.0.1:8766');
  const it = job.newJob('"""
    + JOB_ID
    + """');
  return steps.map(([name, data]) => {
    const told = name === 'api'
      ? (job.takeSnapshot(it, data, origins, 0), {})
      : job.takeEvent(it, name, data, origins, 0);
    return {...told, status: it.status, seq: it.seq, progress: it.progress, node: it.nodeTitle,
      message: it.message, error: it.error, preview: it.previewUrl,
      files: job.results(it).map((file) => [file.key, file.url])};
  });
}"""
)


def progress(seq: int, share: object, **more: object) -> list[object]:
    return ["job:progress", {"seq": seq, "status": "running", "progress": share, **more}]


def api(seq: int, **more: object) -> list[object]:
    return ["api", {"seq": seq, "status": "running", "attempt": 1, **more}]


def file(name: str, url: str | None = None) -> dict[str, object]:
    return {"key": f"outputs/{JOB_ID}/blur/{name}", "kind": "image", "url": url}


def test_the_bar_never_moves_back_within_an_attempt(run: Run) -> None:
    steps = [
        api(1, progress=0.1),
        progress(5, 0.4),
        progress(6, 0.3),
        progress(7, None),
        progress(4, 0.9),  # older than what is known
        api(3, progress=0.8),  # so is this answer
        progress(8, 7),
    ]
    shares = [state["progress"] for state in run(FOLLOW, steps)]
    assert shares == [0.1, 0.4, 0.4, 0.4, 0.4, 0.4, 1]


def test_a_new_attempt_begins_with_an_unknown_progress(run: Run) -> None:
    steps = [
        api(1, progress=0.6),
        ["job:failed", {"seq": 2, "code": "engine_lost", "message": "Lost.", "retryable": True}],
        ["job:accepted", {"seq": 1003, "status": "accepted", "position": 1}],
        progress(1004, 0.1),
        ["job:failed", {"seq": 2, "code": "engine_lost", "message": "Lost."}],  # told once more
    ]
    states = run(FOLLOW, steps)
    assert [state["status"] for state in states[1:]] == ["failed", "accepted", "running", "running"]
    assert [state["progress"] for state in states[2:]] == [None, 0.1, 0.1]
    assert states[1]["error"] == {"code": "engine_lost", "message": "Lost.", "retryable": True}
    assert states[3]["error"] is None


def test_old_acceptances_are_dropped_and_old_files_are_not(run: Run) -> None:
    steps = [
        api(50, progress=0.5),
        ["job:accepted", {"seq": 2, "status": "accepted"}],
        ["job:new_files", {"seq": 3, "new_files": [file("a.png", "http://127.0.0.1:8766/a")]}],
    ]
    states = run(FOLLOW, steps)
    assert states[1]["changed"] is False
    assert (states[2]["status"], states[2]["seq"], len(states[2]["files"])) == ("running", 50, 1)


def test_files_are_merged_by_key_and_only_known_origins_are_shown(run: Run) -> None:
    a, b = file("a.png")["key"], file("b.png")["key"]
    foreign = {"key": "outputs/11111111-0000-4000-8000-000000000001/blur/a.png", "kind": "image"}
    steps = [
        api(1),
        ["job:new_files", {"seq": 2, "new_files": [file("a.png", f"{STORE}/a"), foreign]}],
        api(3, files=[file("a.png", f"{STORE}/a?1")]),
        ["job:new_files", {"seq": 4, "new_files": [file("a.png"), file("b.png", f"{STORE}/b")]}],
        ["job:new_files", {"seq": 5, "new_files": [file("b.png", "https://elsewhere.example/b")]}],
    ]
    states = run(FOLLOW, steps)
    assert states[1]["files"] == [[a, None]]
    assert states[1]["ask"] is True  # the API may know a place that this page may trust
    assert states[2]["files"] == [[a, f"{STORE}/a?1"]]
    assert states[3]["files"] == states[4]["files"] == [[a, f"{STORE}/a?1"], [b, f"{STORE}/b"]]
    assert states[4]["ask"] is False


def preview(seq: int, url: str | None, at: str | None, **more: object) -> list[object]:
    return api(seq, preview_url=url, preview_at=at, **more)


def test_the_api_shows_previews_where_no_event_does(run: Run) -> None:
    steps = [
        preview(1, f"{STORE}/p?1", "12:00"),
        preview(2, f"{STORE}/p?2", "12:00"),  # signed anew, the same picture
        preview(3, f"{STORE}/p?3", "12:02"),
        preview(4, None, None),
        preview(5, "javascript:alert(1)", "12:04"),
        preview(6, f"{STORE}/p?6", "12:06", status="completed"),
    ]
    shown = [state["preview"] for state in run(FOLLOW, steps)]
    assert shown == [f"{STORE}/p?1"] * 2 + [f"{STORE}/p?3"] * 3 + [None]


def test_previews_of_events_go_before_those_of_the_api(run: Run) -> None:
    steps = [
        progress(1, 0.1, preview_url=f"{STORE}/p?1"),  # of an origin that nobody vouched for
        preview(2, f"{STORE}/p?2", "12:00"),
        progress(3, 0.2, preview_url=f"{STORE}/p?3"),
        preview(3, f"{STORE}/p?4", "12:02"),  # the one that the event told of
        preview(4, f"{STORE}/p?5", "12:04", attempt=2),  # another attempt begins without any
    ]
    shown = [state["preview"] for state in run(FOLLOW, steps)]
    assert shown == [None, f"{STORE}/p?2", f"{STORE}/p?3", f"{STORE}/p?3", f"{STORE}/p?5"]


def test_what_was_too_large_for_an_event_is_asked_for(run: Run) -> None:
    steps = [api(1), ["job:new_files", {"seq": 2, "new_files": [], "truncated": True}]]
    assert run(FOLLOW, steps)[1]["ask"] is True


def test_odd_news_change_nothing_that_is_known(run: Run) -> None:
    steps = [
        api(1, progress=0.5, node_title="Refine"),
        ["job:progress", {"seq": "x", "status": {"a": 1}, "progress": "NaN", "node_title": []}],
        ["job:new_files", {"seq": 3, "new_files": "none"}],
        ["job:new_files", {"seq": 4, "new_files": [None, 3, {"key": 7}]}],
        ["job:strange", {"seq": 5}],
    ]
    states = run(FOLLOW, steps)
    assert [state["status"] for state in states] == ["running"] * 5
    assert [state["progress"] for state in states] == [0.5] * 5
    assert states[4]["files"] == []


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("https://store.example/a?x=1", True),
        ("http://127.0.0.1:9000/a", True),
        ("http://store.example/a", False),  # not encrypted, and not near
        ("https://user:word@store.example/a", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("blob:https://store.example/1", False),
        ("/relative", False),
        ("https://" + "a" * 9000, False),
        (7, False),
        (None, False),
    ],
)
def test_urls_are_absolute_and_safe(run: Run, url: object, parsed: bool) -> None:
    body = "({urls}, url) => new urls.Origins('https://dock.example').vouched(url) !== null"
    assert run(body, url) is parsed


def test_only_the_api_makes_an_origin_known(run: Run) -> None:
    body = """({urls}) => {
      const origins = new urls.Origins('https://dock.example');
      const url = 'https://store.example/a';
      return [origins.expected(url), origins.vouched(url), origins.expected(url + 'b')];
    }"""
    store = "https://store.example/a"
    assert run(body) == [None, store, store + "b"]


def test_names_of_files_are_made_safe_and_kept_apart(run: Run) -> None:
    body = "({send}, names) => send.safeNames(names.map((name) => new File(['x'], name)))"
    names = [
        "été à la mer.JPG",
        "../../etc/passwd",
        "a.png",
        "A.png",
        "CON.png",
        "request.json",
        "…",
    ]
    assert run(body, names) == [
        "ete-a-la-mer.jpg",
        "etc-passwd",
        "a.png",
        "A-2.png",
        "file-CON.png",
        "request-2.json",
        "file",
    ]


FIELD = """({fields}, [schema, written, isRequired]) => {
  const field = fields.fieldFor('it', schema, isRequired);
  if (field === null) return 'unknown';
  if (written !== null) {
    field.control[typeof written === 'boolean' ? 'checked' : 'value'] = written;
  }
  try {
    return {value: field.read()};
  } catch (error) {
    return error.message;
  }
}"""


@pytest.mark.parametrize(
    ("schema", "written", "read"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 31, "default": 3}, None, {"value": 3}),
        ({"type": "integer", "minimum": 1, "maximum": 31}, "31", {"value": 31}),
        ({"type": "integer", "minimum": 1}, "0", "Write a whole number of at least 1."),
        ({"type": "integer"}, "2.5", "Write a whole number."),
        ({"type": "number", "maximum": 2.0}, "0.25", {"value": 0.25}),
        ({"type": "number", "minimum": 0, "maximum": 2}, "3", "Write a number from 0 to 2."),
        ({"type": "number", "default": 1}, "", {"value": None}),
        ({"type": "integer", "format": "seed"}, None, {"value": None}),
        (
            {"type": "integer", "format": "seed", "minimum": 0},
            "9007199254740991",
            {"value": 2**53 - 1},
        ),
        ({"type": "boolean", "default": True}, None, {"value": True}),
        ({"type": "boolean", "default": True}, False, {"value": False}),
        ({"type": "string", "default": "a"}, None, {"value": "a"}),
        ({"enum": ["a", 2, True], "default": 2}, None, {"value": 2}),
        ({"enum": ["a", 2]}, "0", {"value": "a"}),
        ({"enum": ["a", 2]}, None, {"value": None}),
        ({"type": "object"}, None, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_a_field_reads_what_its_schema_allows(
    run: Run, schema: object, written: object, read: object
) -> None:
    assert run(FIELD, [schema, written, False]) == read


def test_what_has_to_be_given_is_asked_for(run: Run) -> None:
    said = [
        run(FIELD, [schema, None, True])
        for schema in ({"type": "integer"}, {"type": "string"}, {"enum": [1]})
    ]
    assert said == ["Write a whole number.", "This has to be filled in.", "Choose one."]


def test_the_dice_roll_within_the_bounds(run: Run) -> None:
    body = """({fields}) => {
      const field = fields.fieldFor('seed', {type: 'integer', format: 'seed', maximum: 9}, false);
      const seen = new Set();
      for (let roll = 0; roll < 300; roll += 1) {
        field.element.querySelector('button').click();
        seen.add(field.read());
      }
      return [...seen].sort();
    }"""
    assert run(body) == list(range(10))


def test_uploads_take_turns(run: Run) -> None:
    body = """async ({send}) => {
      const turns = new send.Turns(2);
      let [now, most, done] = [0, 0, 0];
      await Promise.all(Array.from({length: 6}, () => turns.run(async () => {
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setTimeout(resolve, 1));
        now -= 1;
        done += 1;
      })));
      return [most, done, turns.free];
    }"""
    assert run(body) == [2, 6, 2]


def test_durations_ages_and_sizes(run: Run) -> None:
    body = """({words}) => [
      [0, 9.6, 64, 7384].map(words.duration),
      [0, 12e3, 200e3, 7200e3, 5 * 86400e3].map(words.age),
      [10, 81000, 6200000, 2.5e9].map(words.size)]"""
    assert run(body) == [
        ["0:00", "0:10", "1:04", "2:03:04"],
        ["now", "12 s", "3 min", "2 h", "5 d"],
        ["1 KB", "81 KB", "6.2 MB", "2.5 GB"],
    ]
