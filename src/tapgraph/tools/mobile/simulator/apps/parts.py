"""Pieces of pages that several apps share."""

from collections.abc import Callable, Sequence
from functools import partial

from tapgraph.tools.mobile.simulator.views import (
    Column,
    Divider,
    Field,
    Icon,
    IconButton,
    Label,
    Picture,
    RatingBar,
    Row,
    ScrollColumn,
    Spacer,
    View,
)
from tapgraph.tools.mobile.simulator.world.review import Review

__all__ = [
    "GREY",
    "end_of_list",
    "fact",
    "page",
    "rating_line",
    "review_card",
    "search_bar",
    "section",
    "tab_row",
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


def tab_row(
    labels: Sequence[str], current: str, on_select: Callable[[str], None], *, color: str = "#0B57D0"
) -> View:
    """Tabs of equal width; the chosen one is underlined and selected."""
    return Row(
        [
            Column(
                [
                    Label(
                        label,
                        size_sp=14,
                        bold=label == current,
                        color=color if label == current else GREY,
                        padding=(0, 12, 0, 9),
                    ),
                    Spacer(width="match", height=3, background=color if label == current else ""),
                ],
                key=label,
                weight=1,
                align="center",
                selected=label == current,
                on_click=partial(on_select, label),
                class_name="com.google.android.material.tabs.TabLayout$Tab",
            )
            for label in labels
        ],
        id="tabs",
        border="",
    )


def rating_line(rating: float, review_count: int, *, color: str = "#E7711B") -> View:
    """The rating as number and stars, then how many rated."""
    return Row(
        [
            Label(f"{rating:.1f}", size_sp=14, color=GREY),
            RatingBar(rating, size_dp=14, color=color),
            Label(f"({review_count:,})", size_sp=14, color=GREY),
        ],
        gap=4,
    )


def review_card(review: Review) -> View:
    """One review: who, when, how many stars, and what it says."""
    return Column(
        [
            Row(
                [
                    Picture(review.author, style="initial", width=32, height=32),
                    Column(
                        [
                            Label(review.author, size_sp=14, bold=True),
                            Row(
                                [
                                    RatingBar(review.stars, size_dp=13),
                                    Label(review.age, size_sp=12, color=GREY),
                                ],
                                gap=6,
                            ),
                        ],
                        weight=1,
                        gap=1,
                    ),
                ],
                gap=10,
            ),
            Label(review.title, size_sp=15, bold=True, id="review_title"),
            Label(review.text, size_sp=14, color="#3C4043", id="review_text"),
            Divider(margin=(0, 8, 0, 0)),
        ],
        key=f"review {review.author}",
        gap=5,
        padding=(16, 10, 16, 2),
    )


def section(title: str) -> View:
    """A heading inside a page."""
    return Label(title, size_sp=18, bold=True, padding=(16, 16, 16, 6), width="match")


def fact(glyph: str, text: str, *, color: str = "#0B57D0") -> View:
    """A line with a symbol before it."""
    return Row(
        [Icon(glyph, color=color, size_dp=20), Label(text, size_sp=14, weight=1)],
        gap=16,
        padding=(16, 10),
    )


def end_of_list(text: str) -> View:
    """The grey line that ends a list."""
    return Label(
        text, id="end_of_list", size_sp=13, color=GREY, padding=24, width="match", align="center"
    )
