"""What a browser shows outside of its page: messages, questions and the list of a drop-down."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree
from PIL import Image, ImageDraw, ImageFont

from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.web.page_tree import view_element

__all__ = ["Dialog", "Part"]

_MARGIN = 24
_ROW = 48
_TITLE = 96


@dataclass(frozen=True, slots=True)
class Part:
    """Something in a dialog; `kind` is title, row, field or button, and a row has its number."""

    kind: str
    text: str
    bounds: Bounds
    row: int = -1


@dataclass(frozen=True, slots=True)
class Dialog:
    """A box over the page that takes all touches.

    Attributes:
        title: what it says.
        rows: what can be chosen; `chosen` are the numbers of those that are.
        buttons: at its lower edge.
        field: what its text field holds; None where it has none.
        first_row: the row that stands on top.
    """

    title: str
    rows: tuple[str, ...] = ()
    chosen: frozenset[int] = frozenset()
    buttons: tuple[str, ...] = ()
    field: str | None = None
    first_row: int = 0

    def scrolled(self, size: Size, *, down: bool) -> "Dialog":
        """The same a screenful of rows further down or up."""
        step = self._rows_shown(size)
        last = max(0, len(self.rows) - step)
        first_row = min(last, self.first_row + step) if down else max(0, self.first_row - step)
        return dataclasses.replace(self, first_row=first_row)

    def part_at(self, point: Point, size: Size) -> Part | None:
        """What lies under a point, on a page of this size."""
        return next((part for part in self.parts(size) if part.bounds.contains(point)), None)

    def bounds(self, size: Size) -> Bounds:
        """Where it stands: in the middle of a page of this size."""
        lines = self._rows_shown(size) + (self.field is not None) + bool(self.buttons)
        height = min(size.height_px, _TITLE + lines * _ROW)
        top = (size.height_px - height) // 2
        margin = min(_MARGIN, size.width_px // 10)
        return Bounds(margin, top, size.width_px - margin, top + height)

    def parts(self, size: Size) -> Iterator[Part]:
        """All that it shows, from top to bottom."""
        box = self.bounds(size)
        top = box.top + _TITLE
        yield Part("title", self.title, Bounds(box.left, box.top, box.right, top))
        last = self.first_row + self._rows_shown(size)
        for row, text in enumerate(self.rows[self.first_row : last], self.first_row):
            yield Part("row", text, Bounds(box.left, top, box.right, top + _ROW), row)
            top += _ROW
        if self.field is not None:
            yield Part("field", self.field, Bounds(box.left, top, box.right, top + _ROW))
            top += _ROW
        for place, label in enumerate(self.buttons):
            width = box.width // len(self.buttons)
            left = box.left + place * width
            yield Part("button", label, Bounds(left, top, left + width, top + _ROW))

    def window(self, package: str, size: Size) -> etree._Element:
        """The dialog as a window of a view hierarchy."""
        box = self.bounds(size)
        is_long = self._rows_shown(size) < len(self.rows)
        kind = "android.widget.ListView" if is_long else "android.widget.FrameLayout"
        window = view_element({"class": kind, "package": package, "scrollable": is_long}, box)
        for part in self.parts(size):
            window.append(self._view(part, package))
        return window

    def hierarchy(self, package: str, size: Size) -> str:
        """The dialog as a dump of one window."""
        width, height = str(size.width_px), str(size.height_px)
        root = etree.Element("hierarchy", rotation="0", width=width, height=height)
        root.append(self.window(package, size))
        return etree.tostring(root, encoding="unicode")

    def paint(self, picture: Image.Image, size: Size) -> Image.Image:
        """A picture of the page with the dialog over it."""
        painted = picture.convert("RGB").point(lambda level: level // 2)
        scale = picture.width / size.width_px
        draw = ImageDraw.Draw(painted)
        font = ImageFont.load_default(16 * scale)

        def corners(box: Bounds) -> list[float]:
            return [scale * side for side in (box.left, box.top, box.right, box.bottom)]

        draw.rectangle(corners(self.bounds(size)), fill="white")
        for part in self.parts(size):
            if part.kind != "title":
                outline = (
                    "black" if part.row in self.chosen or part.kind == "field" else "lightgrey"
                )
                draw.rectangle(corners(part.bounds), outline=outline)
            place = (scale * (part.bounds.left + 12), scale * (part.bounds.top + 14))
            draw.text(place, part.text, fill="black", font=font)
        return painted

    def _rows_shown(self, size: Size) -> int:
        others = _TITLE + _ROW * ((self.field is not None) + bool(self.buttons))
        return min(len(self.rows), max(1, (size.height_px - others) // _ROW))

    def _view(self, part: Part, package: str) -> etree._Element:
        attributes: dict[str, object] = {"text": part.text, "package": package}
        if part.kind == "field":
            attributes |= {"class": "android.widget.EditText", "focused": True, "clickable": True}
        elif part.kind == "title":
            attributes["class"] = "android.widget.TextView"
        elif part.kind == "row":
            attributes |= {
                "class": "android.widget.CheckedTextView",
                "checkable": True,
                "checked": part.row in self.chosen,
                "clickable": True,
            }
        else:
            attributes |= {"class": "android.widget.Button", "clickable": True}
        return view_element(attributes, part.bounds)
