"""Inputs and results as small pictures that open large."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QLabel, QMenu, QWidget

from jigdesk.app.job_story import StoryFile
from ui.theme.theme import SMALL_PX, Theme
from ui.words import size

WIDTH, HEIGHT = 84, 63
GAP = 8
ARROW = 16
MOST = 24


class Thumb(QAbstractButton):
    """One file; a click opens it."""

    opened_outside = Signal()
    folder_shown = Signal()

    def __init__(self, file: StoryFile, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.file = file
        self._theme = theme
        self._image = QImage()
        self.setFixedSize(WIDTH, HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(file_sentence(file))
        self.setAccessibleName(f"Open {file.name}")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)

    @property
    def image(self) -> QImage:
        """The small picture; null where there is none."""
        return self._image

    def show_image(self, image: QImage) -> None:
        """Show the decoded picture."""
        self._image = image
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the picture cut to the card, or the kind of file."""
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        path = QPainterPath()
        path.addRoundedRect(frame, 4, 4)
        painter.fillPath(path, theme.colour("raised"))
        if self._image.isNull():
            painter.setFont(theme.font(SMALL_PX))
            painter.setPen(theme.ink("muted", "raised"))
            suffix = PurePosixPath(self.file.name).suffix.lstrip(".").upper() or self.file.kind
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, suffix)
        else:
            painter.setClipPath(path)
            filled = self._image.size().scaled(
                self.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding
            )
            corner = frame.center() - QRectF(0, 0, filled.width(), filled.height()).center()
            painter.drawImage(QRectF(corner.x(), corner.y(), *filled.toTuple()), self._image)
            painter.setClipping(False)
        lit = self.hasFocus() or self.underMouse()
        painter.setPen(QPen(theme.colour("accent" if lit else "line"), 1.5 if lit else 1.0))
        painter.drawPath(path)
        painter.end()

    def _menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Open", self.click)
        menu.addAction("Open in the system's viewer", self.opened_outside.emit)
        menu.addAction("Show in its folder", self.folder_shown.emit)
        menu.popup(self.mapToGlobal(place))


class Waiting(QWidget):
    """The place of a result that is not there yet."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFixedSize(WIDTH, HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint a dashed card."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.colour("line"), 1.0, Qt.PenStyle.DashLine))
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(frame, 4, 4)
        painter.setFont(self._theme.font(SMALL_PX))
        painter.setPen(self._theme.ink("muted", "panel"))
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, "waiting")
        painter.end()


class Thumbs(QWidget):
    """All thumbs of a job in rows: inputs, an arrow, results.

    `opened(StoryFile)`, `opened_outside(StoryFile)` and `folder_shown(StoryFile)` follow the
    owner; `ask` is called for each file whose picture is wanted.
    """

    opened = Signal(object)
    opened_outside = Signal(object)
    folder_shown = Signal(object)

    def __init__(
        self, theme: Theme, ask: Callable[[StoryFile], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._ask = ask
        self._files: Sequence[StoryFile] = ()
        self._waits = False
        self._thumbs: dict[str, Thumb] = {}
        self._parts: list[QWidget] = []
        theme.changed.connect(self._repaint)

    @property
    def thumbs(self) -> dict[str, Thumb]:
        """What is shown, by key."""
        return self._thumbs

    def show_files(self, files: Sequence[StoryFile], *, waits: bool) -> None:
        """Show these; `waits` adds the place of a result that is still to come."""
        if files == self._files and waits == self._waits:
            return
        self._files, self._waits = files, waits
        before, self._thumbs = self._thumbs, {}
        for file in files[:MOST]:
            thumb = before.get(file.key)
            if thumb is None or thumb.file.size_bytes != file.size_bytes:
                thumb = self._thumb(file)
            else:
                del before[file.key]
            self._thumbs[file.key] = thumb
        for thumb in before.values():
            thumb.hide()
            thumb.deleteLater()
        self._arrange()

    def show_image(self, key: str, image: QImage) -> None:
        """The picture of a file was decoded."""
        if key in self._thumbs:
            self._thumbs[key].show_image(image)

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Wrap where there is no more room."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._flow()

    def _thumb(self, file: StoryFile) -> Thumb:
        thumb = Thumb(file, self._theme, self)
        thumb.clicked.connect(lambda: self.opened.emit(file))
        thumb.opened_outside.connect(lambda: self.opened_outside.emit(file))
        thumb.folder_shown.connect(lambda: self.folder_shown.emit(file))
        if file.kind == "image" or file.thumb_key is not None:
            self._ask(file)
        return thumb

    def _arrange(self) -> None:
        for part in self._parts:
            if not isinstance(part, Thumb):
                part.deleteLater()
        parts: list[QWidget] = []
        for thumb in self._thumbs.values():
            before = parts[-1] if parts else None
            if isinstance(before, Thumb) and before.file.role != thumb.file.role:
                parts.append(self._label("→", ARROW))
            parts.append(thumb)
        if self._waits:
            if parts and self._files[-1].role == "input":
                parts.append(self._label("→", ARROW))
            parts.append(Waiting(self._theme, self))
        if len(self._files) > MOST:
            parts.append(self._label(f"and {len(self._files) - MOST} more\nin Files", WIDTH))
        self._parts = parts
        self._flow()

    def _flow(self) -> None:
        x = y = 0
        for part in self._parts:
            if x and x + part.width() > self.width():
                x, y = 0, y + HEIGHT + GAP
            part.move(x, y)
            part.show()
            x += part.width() + GAP
        height = y + HEIGHT if self._parts else 0
        if height != self.height():
            self.setFixedHeight(height)

    def _label(self, words: str, width: int) -> QLabel:
        label = QLabel(words, self)
        label.setProperty("tone", "muted")
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setFixedSize(width, HEIGHT)
        return label

    def _repaint(self) -> None:
        for part in self._parts:
            part.update()


def file_sentence(file: StoryFile) -> str:
    """`result.png · upscale · 768 × 512 · 0.4 MB`."""
    parts = [file.name, "input" if file.role == "input" else file.stage]
    if file.width is not None and file.height is not None:
        parts.append(f"{file.width} × {file.height}")
    if file.size_bytes is not None:
        parts.append(size(file.size_bytes))
    return " · ".join(parts)
