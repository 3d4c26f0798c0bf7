"""An input's place: drop a file, or browse for one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QImage, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from jigdesk.app.branching import StoredResult
from jigdesk.app.job_story import StoryFile
from jigdesk.domain.described import InputSpec
from ui.elided import ElidedLabel, shrink
from ui.inspector.decoder import Decoder
from ui.newjob.draft import a_kind
from ui.words import size

Look = Callable[[Hashable, StoryFile], None]
"""Has a stored file decoded under a key; the picture comes by the decoder."""

THUMB = QSize(72, 54)
FILTERS = {
    "image": "Pictures (*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff *.avif)",
    "mask": "Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff)",
    "video": "Videos (*.mp4 *.webm *.mov *.mkv *.avi)",
    "audio": "Sounds (*.wav *.mp3 *.flac *.ogg *.opus *.m4a)",
    "model3d": "3D models (*.glb *.gltf *.obj *.ply *.stl)",
    "text": "Texts (*.txt *.json *.md *.csv)",
}


class FileField(QFrame):
    """Emits `changed`; `path` is None while there is no file.

    Without a file, a stored result that was offered is taken; `look` is asked for its picture.
    """

    changed = Signal()
    dialog_class = QFileDialog

    def __init__(
        self,
        spec: InputSpec,
        decoder: Decoder,
        *,
        has_before: bool,
        look: Look | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("drop")
        self.setAcceptDrops(True)
        self.spec = spec
        self._decoder = decoder
        self._has_before = has_before
        self._stored: tuple[StoredResult, ...] = ()
        self._look_at = look
        self._path: Path | None = None
        self._picture = QLabel(self)
        self._picture.setFixedSize(THUMB)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = ElidedLabel(self)
        self._words = ElidedLabel(self)
        self._words.setProperty("tone", "muted")
        self._words.setProperty("scale", "small")
        self.choice = QComboBox(self)
        self.choice.setAccessibleName("Stored result")
        shrink(self.choice)
        self.choice.currentIndexChanged.connect(lambda _: self.take(None))
        self.browse = QPushButton("Browse", self)
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self._browse)
        self.remove = QPushButton("Remove", self)
        self.remove.setAutoDefault(False)
        self.remove.clicked.connect(lambda: self.take(None))
        lines = QVBoxLayout()
        lines.setSpacing(2)
        lines.addStretch(1)
        lines.addWidget(self._title)
        lines.addWidget(self.choice, 0, Qt.AlignmentFlag.AlignLeft)
        lines.addWidget(self._words)
        lines.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 12, 10)
        row.setSpacing(12)
        row.addWidget(self._picture)
        row.addLayout(lines, 1)
        row.addWidget(self.remove)
        row.addWidget(self.browse)
        decoder.decoded.connect(self._decoded)
        self._show()

    @property
    def path(self) -> Path | None:
        """The chosen file."""
        return self._path

    @property
    def stored(self) -> StoredResult | None:
        """The stored result that is taken; None with a file, and where none fits."""
        if self._path is not None or not self._stored:
            return None
        return self._stored[max(0, self.choice.currentIndex())]

    def offer(self, stored: Sequence[StoredResult]) -> None:
        """These results of another job fit; the first one is taken while there is no file."""
        self._stored = tuple(stored)
        self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItems([result.file.name for result in self._stored])
        self.choice.blockSignals(False)
        self.take(self._path)

    def follow(self, *, has_before: bool) -> None:
        """Whether the stage before makes what is wanted has changed."""
        self._has_before = has_before
        if self._path is None and self.stored is None:
            self._show()

    def take(self, path: Path | None) -> None:
        """Choose a file; None takes it away."""
        self._path = path
        self._picture.clear()
        self._show()
        if path is not None and self.spec.kind in ("image", "mask"):
            self._look(path)
        self.changed.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take one file of this machine."""
        if _dropped(event) is not None:
            event.acceptProposedAction()
            self._light(True)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:  # noqa: N802 - Qt's name
        """It went elsewhere."""
        self._light(False)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Choose what was dropped."""
        self._light(False)
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.take(path)

    def _light(self, lit: bool) -> None:
        self.setProperty("lit", lit)
        self.style().unpolish(self)
        self.style().polish(self)

    def _browse(self) -> None:
        dialog = self.dialog_class(self, "Choose a file", "", self._filter())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda name: self.take(Path(name)))
        dialog.open()

    def _filter(self) -> str:
        return f"{FILTERS.get(self.spec.kind, 'Files (*)')};;All files (*)"

    def _look(self, path: Path) -> None:
        size_px = THUMB * 2 * self.devicePixelRatioF()
        self._decoder.ask((id(self), str(path)), path, size_px)

    def _decoded(self, key: object, image: QImage) -> None:
        if key == self._picture_key() and not image.isNull():
            ratio = self.devicePixelRatioF()
            small = image.scaled(
                THUMB * ratio,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            small.setDevicePixelRatio(ratio)
            self._picture.setPixmap(QPixmap.fromImage(small))
            self._picture.show()

    def _picture_key(self) -> tuple[int, str]:
        stored = self.stored
        return id(self), str(self._path) if stored is None else stored.file.key

    def _show(self) -> None:
        path = self._path
        stored = self.stored
        self.remove.setVisible(path is not None)
        self.choice.setVisible(stored is not None and len(self._stored) > 1)
        self._title.setVisible(self.choice.isHidden())
        self._picture.hide()
        if path is not None:
            self._title.say(path.name, str(path))
            try:
                self._words.say(size(path.stat().st_size))
            except OSError:
                self._words.say("This file is not there any more.")
            return
        if stored is not None:
            self._title.say(f"{stored.file.name} of {stored.file.stage}")
            self._words.say(f"stored · or drop {a_kind(self.spec)} here to use that instead")
            if self._look_at is not None:
                self._look_at(self._picture_key(), stored.file)
        elif self._has_before:
            self._title.say("The result of the stage before")
            self._words.say(f"or drop {a_kind(self.spec)} here to use that instead")
        else:
            self._title.say(f"Drop {a_kind(self.spec)} here")
            limit = self.spec.max_bytes
            self._words.say("" if limit is None else f"at most {size(limit)}")


def _dropped(event: QDropEvent) -> Path | None:
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.is_file() else None
