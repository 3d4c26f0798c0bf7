"""The inspector's parts by themselves: decoding, the JSON tree, failures, the canvas."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, features
from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from jigdesk.demo.sample import SIZE, sample_png
from jigdesk.domain.changes import Attempt
from jigdesk.domain.errors import ErrorCode
from jigdesk.domain.job import Failure, JobStatus
from tests.harness.pictures import bomb
from tests.ui.jobs import NOW, a_job, after
from ui.inspector.attempts import MOST, Attempts
from ui.inspector.canvas import MOST_ZOOM, Canvas
from ui.inspector.decoder import Decoder, decode
from ui.inspector.error_card import ErrorCard
from ui.inspector.header import Header
from ui.inspector.json_tree import MAX_CHILDREN, JsonModel
from ui.inspector.preview import PreviewBox
from ui.inspector.remedies import REMEDIES, tell
from ui.inspector.tables import EventsModel, event_words
from ui.theme.theme import Theme


def test_a_picture_is_decoded_at_the_size_shown(tmp_path: Path) -> None:
    small = decode(sample_png(), QSize(96, 96))
    assert small.size() == QSize(96, 64)
    assert decode(sample_png(), QSize(4000, 4000)).size() == QSize(*SIZE)  # never enlarged
    file = tmp_path / "a.png"
    file.write_bytes(sample_png())
    assert decode(file, QSize(96, 96)) == small
    assert decode(file, QSize(4000, 4000), enlarge=True).size() == QSize(4000, 2667)


def test_a_picture_comes_in_the_format_of_the_screen() -> None:
    half = Image.new("RGBA", (2, 1), (200, 100, 50, 128))
    buffer = io.BytesIO()
    half.save(buffer, "PNG")
    image = decode(buffer.getvalue(), QSize(9, 9))
    assert image.format() is QImage.Format.Format_ARGB32_Premultiplied
    pixel = image.pixelColor(0, 0)
    assert (pixel.alpha(), pixel.red(), pixel.green(), pixel.blue()) == pytest.approx(
        (128, 200, 100, 50), abs=2
    )


def test_a_preview_of_the_size_that_was_wanted_is_painted_as_it_is(
    qtbot: QtBot, theme: Theme
) -> None:
    box = PreviewBox(theme)
    qtbot.addWidget(box)
    box.resize(400, box.height())
    frame = Image.effect_noise((64, 64), 80)
    buffer = io.BytesIO()
    frame.save(buffer, "PNG")
    image = decode(buffer.getvalue(), box.wanted_size(), enlarge=True)
    assert image.height() == box.height()
    box.show_image(image)
    painted = box.grab().toImage()
    left = (painted.width() - image.width()) // 2
    middle = image.height() // 2
    for x in range(0, image.width(), 7):
        assert painted.pixelColor(left + x, middle) == image.pixelColor(x, middle)


@pytest.mark.parametrize("data", [b"", b"no picture", sample_png()[:500], bomb()])
def test_what_is_no_picture_is_a_null_image(data: bytes) -> None:
    assert decode(data, QSize(100, 100)).isNull()


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_whatever_a_reader_stumbles_over_is_no_picture(qtbot: QtBot) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, "AVIF")
    damaged = buffer.getvalue().replace(b"pitm", b"free")  # Pillow: RuntimeError
    decoder = Decoder()
    try:
        for _ in range(2):  # the second is decoded, too
            with qtbot.waitSignal(decoder.decoded) as answer:
                decoder.ask("a", damaged, QSize(20, 20))
            assert answer.args[1].isNull()
    finally:
        decoder.close()


def test_of_one_key_only_the_first_and_the_newest_are_decoded(qtbot: QtBot) -> None:
    decoder = Decoder()
    seen: list[QSize] = []
    decoder.decoded.connect(lambda _key, image: seen.append(image.size()))
    for side in range(10, 100, 10):
        decoder.ask("preview", sample_png(), QSize(side, side))
    qtbot.waitUntil(lambda: bool(seen) and seen[-1] == QSize(90, 60))
    assert len(seen) == 2
    decoder.close()
    decoder.ask("preview", sample_png(), QSize(10, 10))
    decoder.close()
    assert len(seen) == 2


def test_a_json_tree_says_names_and_values() -> None:
    model = JsonModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.show_document({"version": 1, "stages": [{"name": "a"}, {}], "none": None})
    stages = model.index(1, 0)
    assert model.data(stages) == "stages"
    assert model.data(model.index(1, 1)) == "2 items"
    first = model.index(0, 0, stages)
    assert model.data(model.index(0, 1, first)) == "a"
    assert model.parent(first) == stages
    assert not model.hasChildren(model.index(1, 0, stages))
    assert model.data(model.index(2, 1)) == "null"


def test_a_huge_json_list_is_cut() -> None:
    model = JsonModel()
    model.show_document(list(range(100_000)))
    assert model.rowCount() == MAX_CHILDREN
    model.show_document("just a text")
    assert model.rowCount() == 1
    assert model.rowCount(QModelIndex()) == 1


def test_every_code_has_a_remedy() -> None:
    assert set(REMEDIES) == set(ErrorCode)


def test_an_error_says_where_what_and_what_helps(qtbot: QtBot, theme: Theme) -> None:
    card = ErrorCard(theme)
    qtbot.addWidget(card)
    asked: list[bool] = []
    card.retry_asked.connect(lambda: asked.append(True))
    card.show_failure(
        Failure(
            ErrorCode.MISSING_MODEL,
            "Missing model: sd_xl_base.safetensors",
            True,
            stage="portrait",
            node_title="Load model",
            traceback="Traceback: line 1",
        )
    )
    card.show()
    assert "“Load model” failed in portrait" in card.words
    assert "Missing model: sd_xl_base.safetensors" in card.words
    assert "Put the model where" in card.words
    assert not card.traceback.isVisible()
    card.more.click()
    assert card.traceback.isVisible()
    assert card.traceback.toPlainText() == "Traceback: line 1"
    card.retry.click()
    assert asked == [True]
    copy = next(part for part in card.findChildren(QPushButton) if part.text() == "Copy")
    copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "missing_model" in copied
    assert copied.endswith("Traceback: line 1")
    card.show_failure(Failure(ErrorCode.TIMEOUT, "It took too long.", True))
    assert not card.more.isVisible()
    assert not card.traceback.isVisible()


@pytest.mark.parametrize(
    ("failure", "headline", "message", "hint"),
    [
        (
            Failure(
                ErrorCode.UNKNOWN_WORKFLOW,
                "There is no workflow 'blurr'. Did you mean 'blur'?",
                False,
            ),
            "The job failed",
            "There is no workflow 'blurr'.",
            "Did you mean 'blur'?",
        ),
        (
            Failure(
                ErrorCode.MISSING_NODE,
                "The engine has no node Sampler; the nearest that it has is 'KSampler'.",
                False,
            ),
            "The job failed",
            "The engine has no node Sampler.",
            "The nearest that it has is 'KSampler'.",
        ),
        (
            Failure(
                ErrorCode.MISSING_MODEL,
                "“Load”: the model 'xl.sft' is missing; the node offers 'xl.st' and 3 more.",
                False,
                stage="fine",
                node_title="Load",
            ),
            "“Load” failed in fine",
            "The model 'xl.sft' is missing.",
            "The node offers 'xl.st' and 3 more.",
        ),
        (
            Failure(
                ErrorCode.EXECUTION_ERROR,
                "“Work” failed: It broke.",
                False,
                stage="fine",
                node_title="Work",
            ),
            "“Work” failed in fine",
            "It broke.",
            "",
        ),
    ],
)
def test_a_failure_is_told_once_with_what_may_have_been_meant(
    failure: Failure, headline: str, message: str, hint: str
) -> None:
    told = tell(failure)
    assert (told.headline, told.message, told.hint) == (headline, message, hint)
    assert told.remedy == REMEDIES[failure.code]


def test_details_without_a_traceback_are_called_so(qtbot: QtBot, theme: Theme) -> None:
    card = ErrorCard(theme)
    qtbot.addWidget(card)
    card.show_failure(Failure(ErrorCode.UPLOAD_FAILED, "Not stored.", True, details="AccessDenied"))
    assert card.more.text() == "Show the details"
    card.more.click()
    assert card.more.text() == "Hide the details"
    assert card.traceback.toPlainText() == "AccessDenied"


def test_attempts_stand_side_by_side(qtbot: QtBot) -> None:
    attempts = Attempts()
    qtbot.addWidget(attempts)
    attempts.show_attempts(
        [
            Attempt(1, NOW, "", after(3), JobStatus.FAILED, "execution_error", "It broke."),
            Attempt(2, after(4), "Trying again."),
        ]
    )
    words = [label.text() for label in attempts.findChildren(QLabel)]
    assert "Attempt 1 · 3.0 s" in words
    assert "It broke." in words
    assert "● Under way" in words


def test_of_very_many_attempts_the_newest_are_shown(qtbot: QtBot) -> None:
    attempts = Attempts()
    qtbot.addWidget(attempts)
    attempts.show_attempts([Attempt(number + 1, after(number), "") for number in range(MOST + 7)])
    words = [label.text() for label in attempts.findChildren(QLabel)]
    heads = [text for text in words if text.startswith("Attempt ")]
    assert heads == [f"Attempt {number}" for number in range(MOST + 7, 7, -1)]
    assert words[-1] == "7 attempts before"


def test_a_picture_is_zoomed_within_bounds(qtbot: QtBot, theme: Theme) -> None:
    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.show_after(_image(200, 100))
    assert canvas.scale == 2.0
    qtbot.keyClick(canvas, Qt.Key.Key_1)
    assert canvas.scale == 1.0
    for _ in range(30):
        qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.scale == MOST_ZOOM
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.scale == 2.0


def test_the_slider_shows_before_left_of_it_and_after_right_of_it(
    qtbot: QtBot, theme: Theme
) -> None:
    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(400, 400)
    canvas.show_after(_image(100, 100, Qt.GlobalColor.white))
    canvas.show_before(_image(100, 100, Qt.GlobalColor.black))
    canvas.slide_to(0.25)
    shown = canvas.grab().toImage()
    assert shown.pixelColor(40, 300) == Qt.GlobalColor.black
    assert shown.pixelColor(300, 300) == Qt.GlobalColor.white
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 200))
    qtbot.mouseMove(canvas, QPoint(300, 200))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(300, 200))
    assert canvas.slider == pytest.approx(0.75)


def test_events_are_told_in_one_line() -> None:
    assert event_words({"status": "running", "stage": "fine", "progress": 0.5}) == (
        "running · fine · 50%"
    )
    assert event_words({"files": [{}, {}]}) == "2 files"
    model = EventsModel()
    assert model.last_seq == 0


def _image(width: int, height: int, colour: Qt.GlobalColor = Qt.GlobalColor.red) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(colour)
    return image


def test_the_head_is_drawn_again_only_for_what_it_tells(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = Header(theme)
    qtbot.addWidget(header)
    drawn: list[int] = []
    real = Header._draw

    def draw(self: Header) -> None:
        drawn.append(1)
        real(self)

    monkeypatch.setattr(Header, "_draw", draw)
    job = a_job(workflow="refine", started_at=after(2))
    header.show_job(job)
    for step in range(5):
        header.show_job(replace(job, seq=9 + step, progress=step / 9, message=f"step {step}"))
    assert len(drawn) == 1
    header.show_job(replace(job, status=JobStatus.COMPLETED))
    assert len(drawn) == 2
    assert not header.retry.isHidden()
    header.show_job(replace(job, status=JobStatus.COMPLETED, workflow="refine → upscale"))
    assert header.title == "refine → upscale"
