"""HTML as views: what a browser makes of a page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, get_args
from urllib.parse import urlencode, urljoin

from lxml import etree

from tapgraph.tools.mobile.simulator.canvas import is_dark
from tapgraph.tools.mobile.simulator.kit.detail import PictureKind
from tapgraph.tools.mobile.simulator.views import (
    Button,
    Card,
    Column,
    Divider,
    Field,
    Label,
    Picture,
    Row,
    View,
)

__all__ = ["Hyperlink", "Reading", "hyperlinks", "search_address", "views_of"]

_HEADINGS: Final = {"h1": 24, "h2": 20, "h3": 17}
_ONE_LINE: Final = 46
"""So many characters of text and links stand beside one another."""
_INK, _GREY, _BLUE, _WHITE = "#1F1F1F", "#5F6368", "#1A0DAB", "#FFFFFF"
"""Of pages, which are white on a dark phone too."""


@dataclass(frozen=True)
class Hyperlink:
    """A link of a page: its words and the whole address that it leads to."""

    words: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A page that somebody reads.

    Attributes:
        url: of the page; links are relative to it.
        follow: opens an address.
        answer: takes what a button of the page's dialog says; the dialog is shown until then.
        held: what was typed into a field so far, by the field's name; else what the page says.
        hold: remembers what is typed.
    """

    url: str
    follow: Callable[[str], None]
    answer: Callable[[str], None]
    held: Callable[[str, str], str]
    hold: Callable[[str, str], None]


def hyperlinks(html: str, url: str) -> Iterator[Hyperlink]:
    """All links of a page, from top to bottom."""
    for one in _parsed(html).iter("a"):
        yield Hyperlink(_text(one), urljoin(url, one.get("href", "")))


def search_address(html: str, url: str) -> str:
    """Where the form leads that asks for `q`, without what is typed; empty without one."""
    for form in _parsed(html).iter("form"):
        if [one.get("name") for one in form.iter("input")] == ["q"]:
            return urljoin(url, form.get("action", url))
    return ""


def views_of(html: str, reading: Reading) -> tuple[list[View], list[View]]:
    """The views of a page: those that scroll, and its dialog, empty where it has none."""
    root = _parsed(html)
    theme = root.find(".//meta[@name='theme-color']")
    reader = _Reader(reading, _BLUE if theme is None else theme.get("content", _BLUE))
    body = root.find("body")
    if body is None:
        return [], []
    dialogs = [reader.dialog(one) for one in body.iter("dialog")]
    return list(reader.blocks(body)), dialogs


def _parsed(html: str) -> etree._Element:
    return etree.fromstring(html, etree.HTMLParser())


def _text(element: etree._Element) -> str:
    return " ".join("".join(str(part) for part in element.itertext()).split())


class _Reader:
    """Makes views of elements; `color` is the site's own."""

    def __init__(self, reading: Reading, color: str) -> None:
        self._reading = reading
        self._color = color
        self._makers: dict[str, Callable[[etree._Element], View]] = {
            "p": self._flow,
            "small": _small,
            "a": self._link,
            "ul": self._list,
            "ol": self._list,
            "table": self._table,
            "img": _picture,
            "form": self._form,
            "hr": lambda _: Divider(),
            "header": self._header,
            "article": self._article,
        }

    def blocks(self, element: etree._Element) -> Iterator[View]:
        for child in element:
            if isinstance(child.tag, str) and child.tag != "dialog":
                yield from self._block(child)

    def _block(self, element: etree._Element) -> Iterator[View]:
        tag = str(element.tag)
        if tag in _HEADINGS:
            yield self._flow(element, _HEADINGS[tag], bold=True)
        elif make := self._makers.get(tag):
            yield make(element)
        else:
            yield Column(list(self.blocks(element)), gap=6)

    def _article(self, element: etree._Element) -> View:
        return Card(list(self.blocks(element)), gap=6, background=_WHITE)

    def _table(self, element: etree._Element) -> View:
        rows = [self._row(one) for one in element.iter("tr")]
        return Column(rows, border="#DADCE0", background=_WHITE, padding=6)

    def _flow(self, element: etree._Element, size_sp: int = 15, *, bold: bool = False) -> View:
        """Text with the links in it: beside one another where there is room, else below."""
        parts: list[View] = [_plain(element.text, size_sp, bold=bold)]
        for child in element:
            parts.append(
                self._link(child, size_sp, bold=bold)
                if child.tag == "a"
                else _plain(_text(child), size_sp, bold=True)
            )
            parts.append(_plain(child.tail, size_sp, bold=bold))
        parts = [part for part in parts if part.text]
        if len(parts) == 1:
            return parts[0]
        is_short = len(_text(element)) <= _ONE_LINE
        return Row(parts, gap=14) if is_short else Column(parts, gap=8)

    def _link(self, element: etree._Element, size_sp: int = 15, *, bold: bool = False) -> View:
        url = urljoin(self._reading.url, element.get("href", ""))
        return Label(
            _text(element), id="web_link", key=url, size_sp=size_sp, bold=bold, color=_BLUE,
            padding=(0, 6), link=True, on_click=partial(self._reading.follow, url),
        )  # fmt: skip

    def _header(self, element: etree._Element) -> View:
        ink = "#FFFFFF" if is_dark(self._color) else _INK
        links = [self._link(one, 18, bold=True) for one in element.iter("a")]
        for link in links:
            link.link, link.color, link.padding = False, ink, (0, 8)  # type: ignore[attr-defined]
        return Row(links, background=self._color, padding=(12, 4))

    def _list(self, element: etree._Element) -> View:
        is_numbered = element.tag == "ol"
        entries: list[View] = []
        for number, one in enumerate(element.iter("li"), 1):
            mark = Label(f"{number}." if is_numbered else "•", size_sp=15, color=_GREY, width=24)
            flow = self._flow(one)
            flow.weight = 1
            entries.append(Row([mark, flow], align="start", padding=(4, 2)))
        return Column(entries, gap=2)

    def _row(self, element: etree._Element) -> View:
        cells: list[View] = []
        for one in element:
            cell = self._flow(one, 14, bold=one.tag == "th")
            cell.weight = 1 if cells else 2
            cells.append(cell)
        return Row(cells, gap=10, padding=(4, 4))

    def _form(self, element: etree._Element) -> View:
        reading = self._reading
        names = {one.get("name", ""): one.get("value", "") for one in element.iter("input")}
        action = urljoin(reading.url, element.get("action", reading.url))

        def submit(_: str = "") -> None:
            values = {name: reading.held(name, value) for name, value in names.items()}
            reading.follow(f"{action}?{urlencode(values)}")

        def typed(name: str, text: str) -> None:
            reading.hold(name, text)
            submit()

        fields: list[View] = [
            Field(
                one.get("placeholder", ""), id=f"web_{name}", value=reading.held(name, value),
                on_change=partial(reading.hold, name), on_submit=partial(typed, name), weight=1,
                action="search", background=_WHITE, foreground=_INK,
            )
            for one, (name, value) in zip(element.iter("input"), names.items(), strict=True)
        ]  # fmt: skip
        buttons: list[View] = [
            Button(_text(one), id="web_button", color=self._color, on_click=submit)
            for one in element.iter("button")
        ]
        return Row([*fields, *buttons], gap=8)

    def dialog(self, element: etree._Element) -> View:
        """What it says, with its buttons, the last one the loudest."""
        buttons = list(element.iter("button"))
        views: list[View] = [
            Button(
                _text(one), id="web_answer", key=_text(one), color=self._color, weight=1,
                background=_WHITE,
                style="filled" if one is buttons[-1] else "outlined",
                on_click=partial(self._reading.answer, one.get("value", "")),
            )
            for one in buttons
        ]  # fmt: skip
        told = [Label(_text(one), size_sp=14, max_lines=2, color=_INK) for one in element.iter("p")]
        return Column([*told, Row(views, gap=8)], id="web_dialog", background=_WHITE,
                      border="#DADCE0", padding=10, gap=6)  # fmt: skip


def _small(element: etree._Element) -> View:
    return Label(_text(element), size_sp=12, color=_GREY)


def _plain(text: str | None, size_sp: int, *, bold: bool) -> View:
    return Label(" ".join((text or "").split()), size_sp=size_sp, bold=bold, color=_INK)


def _picture(element: etree._Element) -> View:
    words = element.get("alt", "")
    kinds = [part for part in element.get("src", "").split("/") if part in get_args(PictureKind)]
    return Picture(
        words, desc=words, style=kinds[0] if kinds else "art",  # type: ignore[arg-type]
        height=int(element.get("height", "160")), corner_dp=8,
    )  # fmt: skip
