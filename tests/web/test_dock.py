"""What a visitor does on the job dock, against a whole desk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route

from tests.harness.pictures import photo
from tests.harness.serving import Serving, serving
from tests.web.conftest import Visit

pytestmark = pytest.mark.realparts

Visitor = Callable[..., Visit]
PHOTO = ("photo.png", photo(160, 120))

WATCH_BAR = """() => {
  window.seen = {bar: [], words: []};
  const card = document.querySelector('#cards > li');
  const look = () => {
    const now = card.querySelector('[role=progressbar]').getAttribute('aria-valuenow');
    const status = card.dataset.status;
    if (now !== null && status !== 'sending') seen.bar.push(Number(now));
    seen.words.push(card.querySelector('.doing').textContent);
  };
  new MutationObserver(look).observe(card, {subtree: true, childList: true, attributes: true,
    characterData: true});
}"""


def test_a_job_with_a_picture_goes_from_the_form_to_its_result(visitor: Visitor) -> None:
    visit = visitor()
    page = visit.page
    assert visit.text("#empty p").startswith("No jobs yet.")
    visit.send("refine", PHOTO, steps=60)
    visit.card("running")
    page.evaluate(WATCH_BAR)
    visit.until(r"seen.words.some((words) => /^Refine · step \d+\/60$/.test(words))")
    # what it looks like by now, beside what was sent
    visit.until("() => /preview/.test(document.querySelector('#cards .thumb img').src)")
    visit.until("() => document.querySelector('#cards .thumb img').naturalWidth > 0")
    assert visit.text("#summary") == "1 job under way"
    visit.until(
        "() => /: running, [257]+ %/.test(document.querySelector('#announcer').textContent)"
    )
    assert visit.text("#cards .file") == "photo.png"
    visit.card("completed")
    bar = page.evaluate("seen.bar")
    assert len(set(bar)) > 3
    assert bar == sorted(bar)
    page.wait_for_selector(".single .tile img")
    visit.until("document.querySelector('.tile img').naturalWidth === 160")
    assert visit.text(".doing").startswith("160 × 120 · ")
    with page.expect_download() as saved:
        page.click(".actions a >> text=Download")
    assert saved.value.suggested_filename.endswith(".png")
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
    assert "completed" in visit.text("#announcer")
    assert visit.text("#summary") == ""
    assert visit.complaints == []


def test_a_reload_keeps_the_jobs_with_their_pictures(visitor: Visitor) -> None:
    visit = visitor()
    visit.send("invert", PHOTO)
    visit.card("completed")
    visit.send("refine", PHOTO, steps=100)
    visit.card("running")
    client = visit.client_id()
    visit.page.reload()
    visit.card("completed")
    visit.card("running")
    assert visit.client_id() == client
    titles = visit.page.locator("#cards h3").all_inner_texts()
    assert titles == ["Refine", "Invert"]  # newest first
    assert visit.page.locator("#cards .file").all_inner_texts() == ["photo.png", "photo.png"]
    visit.until("document.querySelector('.tile img')?.naturalWidth === 160")
    # it is followed again, not only listed
    visit.until(r"/step \d+\/100/.test(document.querySelector('.doing').textContent)")
    visit.page.click("button:has-text('Cancel')")  # or the next visitor would wait for it
    visit.card("cancelled")
    assert visit.complaints == []


def test_cancel_and_retry(visitor: Visitor) -> None:
    visit = visitor()
    visit.send("refine", PHOTO, steps=50)
    visit.card("running")
    visit.page.focus("button:has-text('Cancel')")
    visit.page.keyboard.press("Enter")
    visit.card("cancelled")
    # whoever works by keyboard stays where the button was
    visit.until("document.activeElement.textContent === 'Retry'")
    visit.page.keyboard.press("Enter")
    visit.card("running")
    visit.card("completed")
    assert visit.page.locator("text=Retry").is_hidden()
    assert visit.complaints == []


def test_a_failing_job_says_why_and_what_to_do(visitor: Visitor) -> None:
    visit = visitor()
    visit.send("invert", ("holiday.png", b"these are no pixels"))
    visit.card("failed")
    assert "holiday.png cannot be read as a picture" in visit.text(".why")
    assert visit.text(".todo") == "Choose another file or other settings."
    assert visit.page.locator("text=Retry").is_hidden()
    assert "failed" in visit.text("#announcer")


def test_two_visitors_see_only_their_own_jobs(visitor: Visitor) -> None:
    one, other = visitor(), visitor()
    one.send("blur", PHOTO)
    one.card("completed")
    other.send("upscale", PHOTO)
    other.card("completed")
    for visit, title in ((one, "Blur"), (other, "Upscale")):
        visit.page.reload()
        visit.card("completed")
        assert visit.page.locator("#cards h3").all_inner_texts() == [title]
    assert one.client_id() != other.client_id()


def test_many_pictures_become_a_job_each_and_all_of_them_end(visitor: Visitor) -> None:
    visit = visitor()
    names = [f"{number}.png" for number in range(5)]
    visit.choose("refine", *((name, photo(seed=at)) for at, name in enumerate(names)))
    assert visit.text("button[type=submit]") == "Send 5 jobs"
    visit.page.fill("[data-param=steps]", "4")
    visit.page.click("button[type=submit]")
    visit.card("completed", 5)  # more than are followed at a time
    assert sorted(visit.page.locator("#cards .file").all_inner_texts()) == names
    assert visit.page.locator(".chosen li").count() == 0
    assert visit.complaints == []


def test_a_chain_shows_a_gallery_and_the_large_view_compares(
    visitor: Visitor, desk: Serving
) -> None:
    visit = visitor()
    page = visit.page
    page.evaluate(
        """async ([clientId, bytes]) => {
          const file = new File([new Uint8Array(bytes)], 'a.png', {type: 'image/png'});
          const stages = [
            {name: 'soften', workflow: 'blur', inputs: {image: {file: 'a.png'}}},
            {name: 'enlarge', workflow: 'upscale', inputs: {image: {stage: 'soften'}}}];
          const answer = await fetch('/api/jobs', {method: 'POST',
            headers: {'Content-Type': 'application/json'},
            body: JSON.stringify({client_id: clientId, request: {stages},
              files: [{name: 'a.png', size_bytes: file.size, content_type: 'image/png'}]})});
          const made = await answer.json();
          const [up] = made.uploads;
          await fetch(up.url, {method: 'PUT', body: file, headers: up.headers});
          const ids = {version: 1, job_id: made.job_id, client_id: clientId};
          const body = JSON.stringify({...ids, stages});
          const last = made.manifest_upload;
          await fetch(last.url, {method: 'PUT', body, headers: last.headers});
          const pictures = new (await import('/dock/dock/pictures.js')).SentPictures();
          await pictures.keep(made.job_id, file);
        }""",
        [visit.client_id(), list(PHOTO[1])],
    )
    page.reload()
    visit.card("completed")
    visit.until("document.querySelectorAll('.gallery .tile img').length === 2")
    page.focus(".gallery li:first-child .tile")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    assert visit.text(".viewer header .hint >> nth=1") == "1 of 2"
    split = "getComputedStyle(document.querySelector('.before')).clipPath"
    before = page.evaluate(split)
    page.focus(".compare input")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(split) != before
    box = page.locator(".frame").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    assert page.input_value(".compare input") == "25"
    page.click("[aria-labelledby=viewer-name] button:has-text('Next')", force=True)
    assert visit.text(".viewer header .hint >> nth=1") == "2 of 2"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="hidden")
    visit.until("document.activeElement.className === 'tile'")
    assert visit.complaints == []


def test_pages_of_older_jobs_come_on_demand(visitor: Visitor) -> None:
    visit = visitor()
    visit.page.evaluate(
        """async (clientId) => {
          for (let count = 0; count < 23; count += 1) {
            await fetch('/api/jobs', {method: 'POST', headers: {'Content-Type': 'application/json'},
              body: JSON.stringify({client_id: clientId, files: [{name: 'a.png', size_bytes: 1,
                content_type: 'image/png'}],
                request: {task: 'invert', inputs: {image: 'a.png'}}})});
          }
        }""",
        visit.client_id(),
    )
    visit.page.reload()
    visit.card("unsent", 20)
    visit.page.click("text=Show more")
    visit.card("unsent", 23)
    assert visit.page.locator("#more").is_hidden()
    assert visit.text("#cards li:first-child .state") == "Not sent"


def test_an_upload_that_is_refused_can_be_sent_again(visitor: Visitor) -> None:
    visit = visitor()
    visit.page.route("**/files/**", lambda route: route.fulfill(status=403, body="no"))
    visit.send("blur", PHOTO)
    visit.card("unsent")
    assert "did not take the file" in visit.text(".why")
    visit.page.unroute("**/files/**")
    visit.page.click("text=Send again")
    visit.card("completed")


def test_a_job_that_runs_is_cancelled_also_when_its_upload_seemed_to_break_off(
    visitor: Visitor,
) -> None:
    visit = visitor()

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "PUT":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    visit.page.route("**/request.json*", lose_the_answer)
    visit.send("refine", PHOTO, steps=100)
    visit.card("running")
    visit.page.click("#cards button >> text=Cancel")
    visit.card("cancelled")


def test_a_file_can_be_dropped_and_a_bad_one_is_refused_in_words(
    visitor: Visitor, tmp_path: Path
) -> None:
    visit = visitor()
    page = visit.page
    page.select_option("#workflow", "blur")
    page.evaluate(
        """(bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], 'dropped.png', {type: 'image/png'}));
          document.querySelector('#jobs').dispatchEvent(
            new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        list(PHOTO[1]),
    )
    visit.until("document.querySelector('.chosen img').naturalWidth === 160")
    page.click("[aria-label='Remove dropped.png']")
    page.click("button[type=submit]")
    assert visit.text(".picker .wrong") == "Choose a file first."
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(60_000_000)
    page.set_input_files("input[type=file]", large)
    assert "large.png has 60.0 MB, and at most 52.4 MB fit." in visit.text(".picker .wrong")
    page.set_input_files(
        "input[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": b"x"}
    )
    page.fill("[data-param=radius]", "99")
    page.click("button[type=submit]")
    assert (
        visit.text(".field:has([data-param=radius]) .wrong") == "Write a whole number from 1 to 31."
    )
    assert page.evaluate("document.activeElement.dataset.param") == "radius"
    assert page.locator("#cards li").count() == 0


def test_a_narrow_window_has_one_column_and_room_for_fingers(visitor: Visitor) -> None:
    visit = visitor(width=360, height=740, has_touch=True, is_mobile=True)
    page = visit.page
    visit.send("blur", ("a-picture-with-quite-a-long-name-" * 3 + ".png", PHOTO[1]))
    visit.card("completed")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    form, jobs = (page.locator(part).bounding_box() for part in (".new", ".jobs"))
    assert form is not None
    assert jobs is not None
    assert form["y"] + form["height"] <= jobs["y"]
    assert form["x"] == jobs["x"]
    small = page.evaluate(
        """[...document.querySelectorAll('button, select, a.button, input[type=number]')]
          .filter((item) => item.offsetParent && item.getBoundingClientRect().height < 44)
          .map((item) => item.outerHTML)"""
    )
    assert small == []
    wide = visitor()
    left, right = (wide.page.locator(part).bounding_box() for part in (".new", ".jobs"))
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]


def test_every_control_has_a_name(visitor: Visitor) -> None:
    visit = visitor()
    visit.choose("blur", PHOTO)
    nameless = visit.page.evaluate(
        """[...document.querySelectorAll('input, select, textarea, button, a[href]')]
          .filter((item) => item.offsetParent && item.getAttribute('aria-hidden') !== 'true')
          .filter((item) => !item.ariaLabel && !item.labels?.length && !item.textContent.trim())
          .map((item) => item.outerHTML)"""
    )
    assert nameless == []


def test_the_policy_lets_no_strange_script_run(visitor: Visitor) -> None:
    visit = visitor()
    answer = visit.page.reload()
    assert answer is not None
    directives = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert directives["script-src"] == "'self'"
    assert visit.complaints == []
    visit.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.strange = 1'}))"
    )
    while not any("script-src" in said for said in visit.complaints):
        visit.page.wait_for_timeout(20)
    assert visit.page.evaluate("window.strange") is None


def test_what_a_hostile_server_says_stays_text(visitor: Visitor) -> None:
    visit = visitor()
    job_id = "00000000-0000-4000-8000-000000000001"
    key = f"outputs/{job_id}/blur/"
    markup = "<img src=x onerror='window.strange=1'>"
    job = {
        "job_id": job_id,
        "title": markup,
        "status": "completed",
        "seq": 9,
        "attempt": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "progress": "all",
        "files": [
            {"key": key + "a", "kind": "image", "url": "javascript:window.strange=1"},
            {"key": key + "b", "kind": "image", "url": "data:text/html,<script>1</script>"},
            {"key": key + "c", "kind": "text", "url": "http://user:word@127.0.0.1/c"},
            {"key": "outputs/another/blur/d", "kind": "image", "url": visit.page.url},
            {"key": key + markup, "kind": "text", "url": visit.page.url},
        ],
    }

    def answer(route: Route) -> None:
        one = f"/api/jobs/{job_id}" in route.request.url
        body = job if one else {"items": [job, {"job_id": "../../x"}, 7], "next_cursor": 7}
        route.fulfill(body=json.dumps(body), content_type="application/json")

    visit.page.route("**/api/jobs**", answer)
    visit.page.reload()
    visit.card("completed")
    visit.page.wait_for_selector("#cards a[download]")
    assert visit.text("#cards h3") == markup
    assert visit.page.locator("#cards > li").count() == 1
    links = visit.page.eval_on_selector_all("#cards [href], #cards [src]", "all => all.map(String)")
    assert all(str(link).startswith(("http://127.0.0.1", "[object")) for link in links)
    tiles = visit.page.locator("#cards .gallery > li")
    assert tiles.count() == 1
    assert tiles.get_attribute("data-key") == key + markup
    assert visit.page.evaluate("window.strange") is None


def test_a_desk_that_goes_away_is_said_and_found_again(
    chromium: Browser, visitor: Visitor, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    env = {
        "JIGDESK_SERVER__LOCAL_PORT": str(free_port()),
        "JIGDESK_LIMITS__OWNER_OPEN_JOBS": "1",
        "JIGDESK_DEMO_STEP_S": "0.5",
    }
    with serving(tmp_path / "home", env) as desk:
        visit = visitor(desk.local_url)
        visit.send("refine", PHOTO, steps=100)
        visit.card("running")
        visit.send("blur", PHOTO)
        refused = visit.page.locator("form > .wrong")
        refused.wait_for()
        assert "1 unfinished job" in refused.inner_text()
        assert "Try again in 60 seconds." in refused.inner_text()
        assert visit.page.locator(".chosen li").count() == 1  # nothing has to be chosen again
        desk.kill()
        banner = visit.page.locator("#banner")
        banner.wait_for()
        assert banner.inner_text() == "The desk does not answer. Your jobs are safe; trying again…"
        assert visit.page.locator("#cards li").count() == 1
        desk.env["JIGDESK_DEMO_STEP_S"] = "0"
        desk.start()
        banner.wait_for(state="hidden")
        visit.card("completed")
