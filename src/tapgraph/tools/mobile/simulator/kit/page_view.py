"""A page's views: the bar on top, what scrolls, the main button, and the way to other tabs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tapgraph.tools.mobile.simulator.app import Dialog, DialogButton
from tapgraph.tools.mobile.simulator.kit.act import Act
from tapgraph.tools.mobile.simulator.kit.block import Block
from tapgraph.tools.mobile.simulator.kit.choosing import underlined_tab
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.views import (
    Column,
    Divider,
    Frame,
    Icon,
    IconButton,
    Label,
    Row,
    ScrollColumn,
    Spacer,
    View,
)

__all__ = ["PageFrame", "Tab", "page_view"]


@dataclass(frozen=True)
class Tab:
    """A page to start from; `words` are its wordings."""

    glyph: str
    words: str
    name: str


@dataclass(frozen=True, kw_only=True)
class PageFrame:
    """What stands around the blocks of a page.

    Attributes:
        tabs: empty where the page has none.
        on_up: the arrow that leads back; none on a page to start from.
    """

    title: str
    name: str
    acts: Sequence[Act]
    main: Act | None
    tabs: Sequence[Tab]
    on_select: Callable[[str], None]
    on_up: Callable[[], None] | None


def page_view(at: At, frame: PageFrame, blocks: Sequence[Block]) -> View:
    """The whole page."""
    style = at.style
    main = frame.main if frame.main is not None and frame.main.shows(at) else None
    # A button over the tabs at the foot would leave little of a screen on its side.
    is_at_foot = style.main_at_foot and not (frame.tabs and style.navigation == "bottom")
    floats = main is not None and main.creates and not is_at_foot
    is_in_bar = main is not None and not main.creates and not is_at_foot
    tools = [view for block in blocks for view in block.tools(at)]
    parts: list[View] = [_bar(at, frame, tools, main if is_in_bar else None)]
    if frame.tabs and style.navigation == "top":
        parts.append(_top_tabs(at, frame))
    parts += [view for block in blocks for view in block.head(at)]
    parts.append(
        ScrollColumn(
            [view for block in blocks for view in block.body(at)],
            id="content",
            key=f"{frame.name} {at.held('query')} {at.held('day')}",
            weight=1,
            padding=(0, 0, 0, 88 if floats else 20),
        )
    )
    parts += [view for block in blocks for view in block.foot(at)]
    if main is not None and is_at_foot:
        button = main.button(at, style.button, wide=True)
        parts.append(Row([button], padding=(style.space_dp, 8)))
    if frame.tabs and style.navigation == "bottom":
        parts.append(_bottom_tabs(at, frame))
    column = Column(parts, height="match")
    if main is None or not floats:
        return column
    return Frame([column, _floating(at, main, frame)], width="match", height="match")


def _bar(at: At, frame: PageFrame, tools: list[View], main: Act | None) -> View:
    style = at.style
    ink = style.bar_ink
    start: list[View] = []
    if frame.on_up is not None:
        start.append(
            IconButton(
                "arrow-left", id="up", desc=style.say("Navigate up") if style.speaks else "",
                color=ink, on_click=frame.on_up,
            )
        )  # fmt: skip
    elif frame.tabs and style.navigation == "drawer":
        start.append(
            IconButton(
                "menu", id="menu", desc=style.say("Menu") if style.speaks else "", color=ink,
                on_click=partial(_open_drawer, at, frame),
            )
        )  # fmt: skip
    end = [*tools, *(act.icon(at, ink) for act in frame.acts if act.shows(at))]
    if main is not None:
        end.append(main.button(at, "text", color=ink))
    is_large = style.bar == "large"
    title = Label(
        frame.title,
        id="title",
        size_sp=28 if is_large else 20,
        bold=is_large or style.bar == "tinted",
        color=ink,
        max_lines=1,
        weight=1,
        margin=(style.space_dp if is_large or not start else 4, 6),
    )
    if not is_large:
        return Row([*start, title, *end], padding=(4, 4), height=60, background=style.bar_paper)
    icons = Row([*start, Spacer(weight=1), *end], padding=(4, 2))
    return Column([icons, Row([title])] if start or end else [Spacer(height=12), Row([title])])


def _tab(frame: PageFrame, tab: Tab, parts: list[View]) -> View:
    return Column(
        parts,
        id=f"tab_{tab.name}",
        key=tab.name,
        weight=1,
        align="center",
        gap=2,
        padding=(0, 8),
        selected=tab.name == frame.name,
        on_click=partial(frame.on_select, tab.name),
    )


def _bottom_tabs(at: At, frame: PageFrame) -> View:
    style = at.style
    tabs: list[View] = []
    for tab in frame.tabs:
        color = style.tint if tab.name == frame.name else style.muted
        words = Label(style.say(tab.words), size_sp=12, color=color, max_lines=1)
        tabs.append(_tab(frame, tab, [Icon(tab.glyph, color=color), words]))
    return Column([Divider(color=style.line), Row(tabs, id="navigation")])


def _top_tabs(at: At, frame: PageFrame) -> View:
    style = at.style
    tabs: list[View] = []
    for tab in frame.tabs:
        is_chosen = tab.name == frame.name
        select = partial(frame.on_select, tab.name)
        view = underlined_tab(style, style.say(tab.words), is_chosen, select)
        view.id = f"tab_{tab.name}"
        tabs.append(view)
    return Column([Row(tabs, id="navigation"), Divider(color=style.line)])


def _open_drawer(at: At, frame: PageFrame) -> None:
    items = [
        DialogButton(
            at.style.say(tab.words),
            partial(frame.on_select, tab.name),
            selected=tab.name == frame.name,
        )
        for tab in frame.tabs
    ]
    at.app.show_dialog(Dialog(title=at.app.label, style="sheet", items=items))


def _floating(at: At, main: Act, frame: PageFrame) -> View:
    style = at.style
    _, glyph = main.face(at)
    has_bottom = bool(frame.tabs) and style.navigation == "bottom"
    margin = (0, 0, 16, 84 if has_bottom else 20)
    if style.has_icon_bar and glyph:
        view = main.icon(at, style.accent_ink)
        view.width = view.height = 56
        view.background = style.accent
        view.corner_dp = 28 if style.corner_dp > 4 else 12
    else:
        view = main.button(at, "filled")
        view.height = 48
    view.gravity, view.margin = "bottom_end", margin
    return view
