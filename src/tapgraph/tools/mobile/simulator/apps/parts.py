"""Pieces of pages that several apps share."""

from collections.abc import Callable, Sequence

from tapgraph.tools.mobile.simulator.views import (
    Column,
    Field,
    IconButton,
    Label,
    Row,
    ScrollColumn,
    View,
)

__all__ = [
    "GREY",
    "end_of_list",
    "page",
    "search_bar",
    "section",
    "top_bar",
]

GREY = "#5F6368"


def page(bar: View, content: list[View], *, foot: View | None = None, list_id: str = "") -> View:
    """A bar above content that scrolls, and perhaps a foot that stays."""
    parts: list[View] = [
        bar,
        ScrollColumn(content, id=list_id or "content", weight=1, padding=(0, 0, 0, 24)),
    ]
    if foot is not None:
        parts.append(foot)
    return Column(parts, height="match")


def top_bar(
    title: str,
    on_back: Callable[[], None],
    *,
    actions: Sequence[View] = (),
    background: str = "",
    color: str = "#1F1F1F",
) -> View:
    """A title with an arrow that leads back, and buttons at the end."""
    return Row(
        [
            IconButton("arrow-left", desc="Navigate up", on_click=on_back, color=color),
            Label(title, id="title", size_sp=20, color=color, weight=1, max_lines=1),
            *actions,
        ],
        padding=(4, 8),
        background=background,
    )


def search_bar(
    hint: str,
    value: str,
    on_submit: Callable[[str], None],
    *,
    on_back: Callable[[], None] | None = None,
    color: str = "#444746",
) -> View:
    """A search field over the whole width, with an arrow before it where one can go back."""
    field = Field(
        hint,
        id="search_field",
        value=value,
        on_submit=on_submit,
        action="search",
        style="filled",
        glyph="magnify",
        weight=1,
    )
    before: list[View] = []
    if on_back is not None:
        before.append(IconButton("arrow-left", desc="Navigate up", on_click=on_back, color=color))
    return Row([*before, field], padding=(8, 8, 12, 8))


def section(title: str) -> View:
    """A heading inside a page."""
    return Label(title, size_sp=18, bold=True, padding=(16, 16, 16, 6), width="match")


def end_of_list(text: str) -> View:
    """The grey line that ends a list."""
    return Label(
        text, id="end_of_list", size_sp=13, color=GREY, padding=24, width="match", align="center"
    )
