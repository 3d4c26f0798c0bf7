"""A job's pictures, large: zoom, compare with an input, walk through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from jigdesk.app.job_story import StoryFile
from ui.inspector.canvas import Canvas
from ui.inspector.thumbs import file_sentence
from ui.theme.theme import Theme

LARGEST = QSize(4096, 4096)
FIRST_SIZE = QSize(960, 680)


class Viewer(QDialog):
    """Use `open()`. `ask` fetches and decodes a file; the answer comes to `show_image`."""

    opened_outside = Signal(object)

    def __init__(
        self,
        files: Sequence[StoryFile],
        theme: Theme,
        ask: Callable[[StoryFile], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(FIRST_SIZE)
        self._files = files
        self._ask = ask
        self._place = 0
        self._images: dict[str, QImage] = {}
        self.canvas = Canvas(theme, self)
        self._title = QLabel(self)
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setMinimumWidth(10)
        self._scale = QLabel(self)
        self._scale.setProperty("tone", "muted")
        self.compare = self._button("Compare with the input", self._compare_changed)
        self.compare.setCheckable(True)
        self.compare.setProperty("role", "toggle")
        self.back = self._button("Previous", lambda: self.step(-1))
        self.forth = self._button("Next", lambda: self.step(1))
        fit = self._button("Fit", self.canvas.fit)
        pixels = self._button("100 %", self.canvas.zoom_pixels)
        outside = self._button("Open in the system's viewer", self._outside)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._title, 1)
        head.addWidget(self._scale)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        for button in (self.back, self.forth, fit, pixels, self.compare):
            foot.addWidget(button)
        foot.addStretch(1)
        foot.addWidget(outside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.canvas, 1)
        layout.addLayout(foot)
        self.canvas.zoomed.connect(lambda scale: self._scale.setText(f"{scale:.0%}"))
        for key, by in ((Qt.Key.Key_PageUp, -1), (Qt.Key.Key_PageDown, 1)):
            QShortcut(QKeySequence(key), self).activated.connect(lambda by=by: self.step(by))

    @property
    def file(self) -> StoryFile:
        """What is shown."""
        return self._files[self._place]

    def show_file(self, key: str) -> None:
        """Show a picture of the job."""
        for place, file in enumerate(self._files):
            if file.key == key:
                self._go(place)
                return

    def step(self, by: int) -> None:
        """The next or the previous picture, if there is one."""
        if 0 <= self._place + by < len(self._files):
            self._go(self._place + by)

    def show_image(self, key: str, image: QImage) -> None:
        """A file was decoded; a null image says that it cannot be shown."""
        if key not in self._wanted():
            return  # another one is looked at by now
        self._images[key] = image
        if key == self.file.key:
            self._show()
        elif self.compare.isChecked():
            self.canvas.show_before(image)

    def _wanted(self) -> tuple[str | None, ...]:
        """What is kept: a picture takes up to 64 MB, and a job may have hundreds."""
        return self.file.key, self._input_key()

    def _go(self, place: int) -> None:
        self._place = place
        file, wanted = self.file, self._wanted()
        self._images = {key: image for key, image in self._images.items() if key in wanted}
        self.setWindowTitle(file.name)
        self._title.setText(file_sentence(file))
        self.back.setEnabled(place > 0)
        self.forth.setEnabled(place + 1 < len(self._files))
        self.compare.setVisible(self._input_key() is not None)
        self.canvas.show_words("Opening the picture")
        if file.key in self._images:
            self._show()
        else:
            self._ask(file)

    def _show(self) -> None:
        image = self._images[self.file.key]
        if image.isNull():
            self.canvas.show_words(
                "This picture cannot be shown here. Open it in the system's viewer."
            )
        else:
            self.canvas.show_after(image)
        self._compare_changed()

    def _input_key(self) -> str | None:
        """The picture to compare a result with: the job's first input."""
        if self.file.role == "input":
            return None
        return next((file.key for file in self._files if file.role == "input"), None)

    def _compare_changed(self) -> None:
        key = self._input_key()
        if not self.compare.isChecked() or key is None:
            self.canvas.show_before(QImage())
        elif key in self._images:
            self.canvas.show_before(self._images[key])
        else:
            self._ask(next(file for file in self._files if file.key == key))

    def _outside(self) -> None:
        self.opened_outside.emit(self.file)

    def _button(self, words: str, action: Callable[[], None]) -> QPushButton:
        button = QPushButton(words, self)
        button.setAutoDefault(False)
        button.clicked.connect(action)
        return button
