"""The windows on the screen: their views laid out, scrolled, focused, and found by a finger."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.simulator.keyboard import (
    KEYBOARD_PACKAGE,
    LOW_ROW_DP,
    ROW_DP,
    Keyboard,
    keyboard_height_dp,
)
from tapgraph.tools.mobile.simulator.layout import lay_out, name_views
from tapgraph.tools.mobile.simulator.phone_profile import (
    NAVIGATION_BAR_DP,
    STATUS_BAR_DP,
    PhoneProfile,
)
from tapgraph.tools.mobile.simulator.text_input import TextInput
from tapgraph.tools.mobile.simulator.theme import LIGHT, Theme
from tapgraph.tools.mobile.simulator.touch import (
    scroll_step_px,
    swipe_direction,
    touched,
    touched_chain,
)
from tapgraph.tools.mobile.simulator.views import Column, Field, Frame, Scroll, View

__all__ = ["Window", "WindowKind", "WindowManager", "full_screen"]

WindowKind: TypeAlias = Literal[
    "page", "recents", "alert", "sheet", "heads_up", "shade", "keyboard"
]
_MARGIN_DP: Final = 28
_WIDEST_DIALOG_DP: Final = 420
_BESIDE: Final = frozenset({"keyboard", "heads_up"})
"""Windows that leave keys and text to another one."""


@dataclass(eq=False)
class Window:
    """A window and its views.

    Attributes:
        scope: what the identities of its views start with.
        theme: colours of what names none of its own.
        background: behind a page; the theme's paper unless set.
        bar_color: behind the status bar; the background's unless set.
        wallpaper: whether the wallpaper is its background.
        on_outside: called by a touch beside a dialog.
    """

    package: str
    kind: WindowKind
    root: View
    scope: str
    theme: Theme = LIGHT
    background: str = ""
    bar_color: str = ""
    wallpaper: bool = False
    on_outside: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self.background = self.background or self.theme.paper
        name_views(self.root, self.scope)

    @property
    def is_floating(self) -> bool:
        """Whether it leaves room around itself."""
        return self.kind in {"alert", "sheet"}

    def lay_out(
        self, size: Size, keyboard_dp: int, scrolled_px: dict[str, int], profile: PhoneProfile
    ) -> None:
        """Give every view its place; `keyboard_dp` is 0 while there is no keyboard."""
        screen = Bounds(0, 0, size.width_px, size.height_px)
        area = screen
        if self.kind == "keyboard":
            top = size.height_px - profile.px(keyboard_dp)
            area = Bounds(0, top, size.width_px, size.height_px)
        elif self.kind == "heads_up":
            area = self._top_area(size, scrolled_px, profile)
        elif self.is_floating:
            area = self._floating_area(
                size, size.height_px - profile.px(keyboard_dp), scrolled_px, profile
            )
        else:
            self.root.padding = (0, STATUS_BAR_DP, 0, max(keyboard_dp, NAVIGATION_BAR_DP))
        lay_out(self.root, area, scrolled_px, profile)

    def _top_area(self, size: Size, scrolled_px: dict[str, int], profile: PhoneProfile) -> Bounds:
        margin, top = profile.px(8), profile.px(STATUS_BAR_DP)
        width = min(size.width_px - 2 * margin, profile.px(_WIDEST_DIALOG_DP))
        room = Bounds(0, 0, width, size.height_px - top)
        lay_out(self.root, room, scrolled_px, profile, fill=False)
        left = (size.width_px - width) // 2
        return Bounds(left, top, left + width, top + self.root.measured[1])

    def _floating_area(
        self, size: Size, bottom: int, scrolled_px: dict[str, int], profile: PhoneProfile
    ) -> Bounds:
        px = profile.px
        is_sheet = self.kind == "sheet"
        width = min(size.width_px - (0 if is_sheet else 2 * px(_MARGIN_DP)), px(_WIDEST_DIALOG_DP))
        top = px(STATUS_BAR_DP + 24)
        room = bottom - top - (0 if is_sheet else px(NAVIGATION_BAR_DP))
        lay_out(self.root, Bounds(0, 0, width, room), scrolled_px, profile, fill=False)
        height = self.root.measured[1]
        left = (size.width_px - width) // 2
        start = bottom - height if is_sheet else top + (room - height) // 2
        return Bounds(left, start, left + width, start + height)


def full_screen(content: View) -> View:
    """A page inside the frames that Android puts around every activity."""
    content.width = content.height = "match"
    inner = Frame([content], id="android:id/content", width="match", height="match")
    return Frame([Column([inner], height="match")])


class WindowManager:
    """What is on the screen after the last event.

    Attributes:
        windows: the lowest first.
        text: focus and fields.
        keyboard: the soft keyboard.
    """

    def __init__(self, act: Callable[[], None], profile: PhoneProfile) -> None:
        self.windows: list[Window] = []
        self.text = TextInput()
        self.keyboard = Keyboard(
            self._type_key, self._delete_key, act, self.hide_keyboard, profile.theme, profile.speech
        )
        self._profile = profile
        self._scrolled_px: dict[str, int] = {}
        self._revealed = ""

    def __getstate__(self) -> dict[str, object]:
        """All but the windows, which are built anew from the rest."""
        return vars(self) | {"windows": []}

    def show(self, windows: Sequence[Window], size: Size) -> None:
        """Lay out fresh windows; the keyboard is added where it is up."""
        self.windows = list(windows)
        self.text.take_in(_views(self.windows))
        self.text.mark_focus(self.active.root.walk())
        keyboard_dp = 0
        field = self.text.field
        if field is not None and self.text.keyboard_shown:
            row_dp = LOW_ROW_DP if self._profile.is_short(size) else ROW_DP
            keyboard_dp = keyboard_height_dp(row_dp)
            root = self.keyboard.build(field.action, row_dp)
            window = Window(KEYBOARD_PACKAGE, "keyboard", root, "keyboard", self._profile.theme)
            self.windows.append(window)
        else:
            self.keyboard.layer = "letters"
        for window in self.windows:
            window.lay_out(size, keyboard_dp, self._scrolled_px, self._profile)
        self._reveal_focus(size, keyboard_dp)

    def picture_of(self, window: Window, size: Size) -> Window:
        """A window that is not on the screen, laid out as if it were."""
        self.text.fill(window.root.walk())
        window.lay_out(size, 0, self._scrolled_px, self._profile)
        return window

    @property
    def active(self) -> Window:
        """The window that gets keys and text: the uppermost that is not beside another."""
        return next(window for window in reversed(self.windows) if window.kind not in _BESIDE)

    @property
    def visible_windows(self) -> list[Window]:
        """What UiAutomator sees: the active window, and those beside it."""
        return [
            window for window in self.windows if window is self.active or window.kind in _BESIDE
        ]

    def hide_keyboard(self) -> None:
        """Put the keyboard away; the field keeps the focus."""
        self.text.keyboard_shown = False

    def _type_key(self, character: str) -> None:
        if self.text.field is not None:
            self.text.put(self.text.field.value + character)

    def _delete_key(self) -> None:
        if self.text.field is not None:
            self.text.put(self.text.field.value[:-1])

    def _window_at(self, point: Point) -> Window:
        for window in self.windows:
            if window.kind in _BESIDE and window.root.bounds.contains(point):
                return window
        return self.active

    def find(self, point: Point, wants: Callable[[View], bool]) -> View | None:
        """The view that gets a touch; a touch beside a dialog goes to `on_outside`."""
        window = self._window_at(point)
        if window.is_floating and not window.root.bounds.contains(point):
            if window.on_outside is not None:
                window.on_outside()
            return None
        return touched(window.root, point, wants)

    def swipe(self, start: Point, end: Point) -> None:
        """Scroll, or tell the innermost view that listens to swipes."""
        direction = swipe_direction(start, end)
        for view in touched_chain(self._window_at(start).root, start):
            if view.on_swipe is not None and view.on_swipe(direction):
                return
            step = scroll_step_px(view, start, end)
            if step and isinstance(view, Scroll):
                self._scrolled_px[view.identity] = view.scroll_px + step
                return

    def focus(self, field: Field) -> None:
        """Give a field the focus, raise the keyboard and bring the field into view."""
        self.text.focus(field)
        self._revealed = ""

    def forget(self, scope: str) -> None:
        """Drop what belongs to a page that was closed."""
        self.text.forget(scope)
        inside = f"{scope}/"
        self._scrolled_px = {
            key: offset for key, offset in self._scrolled_px.items() if not key.startswith(inside)
        }

    def _reveal_focus(self, size: Size, keyboard_dp: int) -> None:
        """Scroll once so that the field that just got the focus is not under the keyboard."""
        field = self.text.field
        if field is None or not keyboard_dp:
            self._revealed = ""
            return
        if self._revealed == field.identity:
            return
        self._revealed = field.identity
        active = self.active
        scroll = next(
            (
                view
                for view in active.root.walk()
                if isinstance(view, Scroll) and field.identity.startswith(f"{view.identity}/")
            ),
            None,
        )
        if scroll is None or field.visible == field.bounds:
            return
        hidden = max(0, field.bounds.bottom - scroll.visible.bottom)
        above = max(0, scroll.visible.top - field.bounds.top)
        self._scrolled_px[scroll.identity] = max(0, scroll.scroll_px + (hidden or -above))
        active.lay_out(size, keyboard_dp, self._scrolled_px, self._profile)


def _views(windows: Sequence[Window]) -> Iterator[View]:
    for window in windows:
        yield from window.root.walk()
