"""A page in a real Chromium, told, touched and typed into as a person does it."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tapgraph.tools.mobile.actions import Home, Tap, Type
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.web import WebDevice

HEAD = '<!doctype html><meta charset=utf-8><meta name=viewport content="width=device-width">'


@dataclass(frozen=True)
class Visitor:
    """Somebody who looks at the pages that a test writes."""

    device: WebDevice
    reader: ScreenReader
    place: Path

    def visits(self, html: str, *, head: str = HEAD) -> "Visitor":
        self.place.write_text(head + html, encoding="utf-8")
        self.device.perform(Home())
        return self

    def sees(self) -> Screen:
        return self.reader.read()

    def reads(self) -> Sequence[str]:
        return [element.text for element in self.sees().elements if element.text]

    def element(self, text: str) -> Element:
        named = [one for one in self.sees().elements if one.text == text]
        found = [one for one in named if one.is_actionable] or named
        assert len(found) == 1, (text, self.reads())
        return found[0]

    def touch(self, element: Element) -> None:
        point = element.touch_point
        self.device.perform(Tap(point.x, point.y))

    def taps(self, text: str) -> None:
        self.touch(self.element(text))

    def enters(self, text: str) -> None:
        self.device.perform(Type(text))

    def types_into(self, role: Role, text: str) -> None:
        self.touch(next(one for one in self.sees().elements if one.role is role))
        self.enters(text)

    def types(self, field: str, text: str) -> None:
        self.taps(field)
        self.device.perform(Type(text))


@pytest.fixture(scope="session")
def _chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebDevice, Path]]:
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        pytest.skip("no Chromium with chromedriver is installed")
    page = tmp_path_factory.mktemp("pages") / "page.html"
    page.write_text("<h1>Start</h1>", encoding="utf-8")
    with WebDevice.connect(str(page)) as device:
        yield device, page


@pytest.fixture
def visitor(_chromium: tuple[WebDevice, Path]) -> Callable[..., Visitor]:
    """Goes to a page: `visitor("<button>Go</button>")`."""
    device, page = _chromium
    return Visitor(device, ScreenReader(device, pictures="when needed"), page).visits
