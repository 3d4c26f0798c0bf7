"""A field for every type of parameter, and the place for a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from jigdesk.demo.sample import sample_png
from jigdesk.domain.described import InputSpec
from jigdesk.domain.errors import JobError
from jigdesk.domain.manifest import Scalar
from jigdesk.domain.params import ParamSpec, ParamType
from ui.inspector.decoder import Decoder
from ui.newjob.file_field import FileField
from ui.newjob.param_field import ParamField

T = ParamType


def field(qtbot: QtBot, spec: ParamSpec) -> ParamField:
    made = ParamField(spec, lambda: 12345)
    qtbot.addWidget(made)
    return made


@pytest.mark.parametrize(
    "spec",
    [
        ParamSpec("a", T.INTEGER, 3, 1, 31),
        ParamSpec("a", T.INTEGER, 2**60),
        ParamSpec("a", T.NUMBER, 2.5, 0.1, 8.0),
        ParamSpec("a", T.NUMBER, -1.5),
        ParamSpec("a", T.STRING, "a fox"),
        ParamSpec("a", T.STRING, ""),
        ParamSpec("a", T.BOOLEAN, True),
        ParamSpec("a", T.CHOICE, "b", choices=("a", "b")),
        ParamSpec("a", T.CHOICE, 2, choices=(1, 2)),
        ParamSpec("a", T.SEED, 7),
    ],
)
def test_a_field_begins_with_the_default(qtbot: QtBot, spec: ParamSpec) -> None:
    made = field(qtbot, spec)
    assert made.value == spec.default
    assert type(made.value) is type(spec.default)
    assert made.problem == ""


@pytest.mark.parametrize(
    ("spec", "typed", "value"),
    [
        (ParamSpec("a", T.INTEGER, minimum=0), "12", 12),
        (ParamSpec("a", T.NUMBER), "1e3", 1000.0),
        (ParamSpec("a", T.SEED), "", None),
        (ParamSpec("a", T.SEED), "99", 99),
        (ParamSpec("a", T.STRING, "x"), "", ""),
    ],
)
def test_what_is_typed_becomes_the_value(
    qtbot: QtBot, spec: ParamSpec, typed: str, value: Scalar | None
) -> None:
    made = field(qtbot, spec)
    assert isinstance(made.editor, QLineEdit)
    made.editor.setText(typed)
    assert made.value == value


@pytest.mark.parametrize(
    ("spec", "typed", "said"),
    [
        (ParamSpec("steps", T.INTEGER, minimum=0), "many", "whole number"),
        (ParamSpec("steps", T.INTEGER, minimum=5), "4", "at least 5"),
        (ParamSpec("some_words", T.STRING), "", "Some words must be given"),
        (ParamSpec("seed", T.SEED), "-1", "whole number"),
        (ParamSpec("x", T.NUMBER), "nan", "must be a number"),
    ],
)
def test_what_cannot_be_sent_is_said_below_the_field(
    qtbot: QtBot, spec: ParamSpec, typed: str, said: str
) -> None:
    made = field(qtbot, spec)
    assert isinstance(made.editor, QLineEdit)
    made.editor.setText("1")
    made.editor.setText(typed)
    assert said in made.problem
    with pytest.raises(JobError):
        _ = made.value


def test_the_dice_draw_within_the_bounds(qtbot: QtBot) -> None:
    made = field(qtbot, ParamSpec("seed", T.SEED, minimum=0, maximum=9))
    made.dice.click()
    assert made.value == 12345 % 10


@pytest.mark.parametrize("kind", [T.INTEGER, T.CHOICE])
def test_the_wheel_changes_nothing_by_accident(qtbot: QtBot, kind: ParamType) -> None:
    made = field(qtbot, ParamSpec("a", kind, 1, 0, 9, choices=(0, 1, 2)))
    made.show()
    assert isinstance(made.editor, QSpinBox | QComboBox)
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(made.editor, wheel)
    assert made.value == 1


def test_a_dropped_file_is_taken_and_shown(qtbot: QtBot, tmp_path: Path) -> None:
    decoder = Decoder()
    place = FileField(InputSpec("image", "image", 50_000_000), decoder, has_before=False)
    qtbot.addWidget(place)
    place.show()
    picture = tmp_path / "photo.png"
    picture.write_bytes(sample_png())
    assert drop(place, [tmp_path]) is None  # a folder is no file
    assert drop(place, [picture, picture]) is None
    assert drop(place, [picture]) == picture
    qtbot.waitUntil(lambda: not place._picture.pixmap().isNull())
    place.remove.click()
    assert place.path is None
    decoder.close()


def drop(place: FileField, paths: list[Path]) -> Path | None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    keys = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, left, keys)
    QApplication.sendEvent(place, enter)
    if enter.isAccepted():
        QApplication.sendEvent(place, QDropEvent(QPointF(5, 5), copy, data, left, keys))
    return place.path


def test_browsing_takes_the_chosen_file(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "photo.png"
    picture.write_bytes(sample_png())
    opened: list[Chosen] = []

    class Chosen(FileField.dialog_class):  # type: ignore[misc]
        def open(self) -> None:
            opened.append(self)
            self.fileSelected.emit(str(picture))
            self.deleteLater()

    monkeypatch.setattr(FileField, "dialog_class", Chosen)
    decoder = Decoder()
    place = FileField(InputSpec("image", "image"), decoder, has_before=True)
    qtbot.addWidget(place)
    place.browse.click()
    assert len(opened) == 1
    assert place.path == picture
    decoder.close()
