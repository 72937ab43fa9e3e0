"""The home screen: icons, a dock, a search hint and the drawer with all apps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.simulator.app import Activity, App
from tapgraph.tools.mobile.simulator.phone_profile import (
    NAVIGATION_BAR_DP,
    STATUS_BAR_DP,
    PhoneProfile,
)
from tapgraph.tools.mobile.simulator.views import (
    AppIcon,
    Column,
    Direction,
    Field,
    Icon,
    Label,
    Row,
    ScrollColumn,
    Spacer,
    View,
)

__all__ = ["LAUNCHER_PACKAGE", "Grid", "Home", "Launcher"]

LAUNCHER_PACKAGE: Final = "com.google.android.apps.nexuslauncher"
_CELL_DP: Final = 102
_DATE_SP: Final = 24
_NARROWEST_CELL_DP: Final = 84
_MOST_COLUMNS: Final = 7
_MOST_ROWS: Final = 4


@dataclass(frozen=True, slots=True)
class Grid:
    """How many icons the home screen has room for, besides a row of them at its foot."""

    columns: int
    rows: int
    is_short: bool

    @classmethod
    def on(cls, profile: PhoneProfile, size: Size) -> Self:
        """What fits a screen of this size."""
        width_dp, height_dp = profile.dp(size.width_px), profile.dp(size.height_px)
        is_short = profile.is_short(size)
        date_dp = 0 if is_short else 48 + _DATE_SP * 1.3 * profile.font_scale
        # Besides the date: the bars, the row at the foot and the search field.
        taken_dp = STATUS_BAR_DP + NAVIGATION_BAR_DP + 20 + _CELL_DP + 62 + date_dp
        return cls(
            columns=min(_MOST_COLUMNS, (width_dp - 24) // _NARROWEST_CELL_DP),
            rows=max(1, min(_MOST_ROWS, int(height_dp - taken_dp) // _CELL_DP)),
            is_short=is_short,
        )


class Launcher(App):
    """The app that starts the others."""

    package = LAUNCHER_PACKAGE
    label = name = "Pixel Launcher"
    glyph = "home"
    color = "#1A73E8"

    def __init__(self, apps: Sequence[App], grid: "Callable[[], Grid]") -> None:
        self.apps = tuple(apps)
        self.grid = grid
        self.home = Home(self)

    def first_activity(self) -> "Home":
        """The only page."""
        return self.home


class Home(Activity[Launcher]):
    """The workspace, or the app drawer over it.

    Attributes:
        drawer_open: whether all apps are listed.
        query: what the drawer's search field holds.
    """

    name = ".NexusLauncherActivity"

    def __init__(self, app: Launcher) -> None:
        super().__init__(app)
        self.drawer_open = False
        self.query = ""

    def build(self) -> View:
        """The workspace or the drawer."""
        return self._drawer() if self.drawer_open else self._workspace()

    def on_back(self) -> bool:
        """Back closes the drawer; it never leaves the launcher."""
        self.close_drawer()
        return True

    def open_drawer(self) -> None:
        """List all apps."""
        self.drawer_open = True

    def close_drawer(self) -> None:
        """Back to the workspace."""
        self.drawer_open = False
        self.query = ""

    def _icon(self, app: App, ink: str, *, shows_label: bool = True) -> AppIcon:
        return AppIcon(
            app.label,
            key=app.package,
            desc=app.label,
            glyph=app.glyph,
            color=app.color,
            glyph_color=app.glyph_color,
            ink=ink,
            shows_label=shows_label,
            weight=1,
            height=_CELL_DP,
            on_click=partial(self.app.phone.launch, app.package),
        )

    def _rows(self, apps: Sequence[App], columns: int, ink: str) -> list[View]:
        rows: list[View] = []
        for start in range(0, len(apps), columns):
            cells: list[View] = [self._icon(app, ink) for app in apps[start : start + columns]]
            cells += [Spacer(weight=1) for _ in range(columns - len(cells))]
            rows.append(Row(cells, key=f"row{start}"))
        return rows

    def _workspace(self) -> View:
        grid = self.app.grid()
        docked, others = self.app.apps[: grid.columns], self.app.apps[grid.columns :]
        now, speech = self.app.phone.clock, self.app.phone.profile.speech
        date = Label(
            f"{speech.weekday(now)}, {speech.short_date(now)}",
            id="date",
            size_sp=_DATE_SP,
            color="#FFFFFF",
            padding=(16, 24),
        )
        return Column(
            [
                *([] if grid.is_short else [date]),
                Column(
                    self._rows(others[: grid.rows * grid.columns], grid.columns, "#FFFFFF"),
                    id="workspace",
                    weight=1,
                ),
                Row(
                    [self._icon(app, "#FFFFFF", shows_label=False) for app in docked],
                    id="hotseat",
                ),
                self._search_hint(),
            ],
            id="launcher",
            height="match",
            padding=(12, 8, 12, 12),
            on_swipe=self._swiped_on_workspace,
        )

    def _search_hint(self) -> View:
        profile = self.app.phone.profile
        words = profile.speech.say("Search")
        return Row(
            [
                Icon("google", color="#4285F4"),
                Label(words, color=profile.theme.muted, size_sp=16, weight=1),
                Icon("microphone", color="#4285F4"),
            ],
            id="search_container_hotseat",
            desc=words,
            background=profile.theme.field,
            corner_dp=28,
            height=54,
            padding=(18, 0),
            margin=(8, 8, 8, 0),
            gap=14,
            on_click=self.open_drawer,
            class_name="android.widget.FrameLayout",
        )

    def _swiped_on_workspace(self, direction: Direction) -> bool:
        if direction == "up":
            self.open_drawer()
        return direction == "up"

    def _drawer(self) -> View:
        wanted = self.query.strip().casefold()
        apps = sorted(
            (app for app in self.app.apps if wanted in app.label.casefold()),
            key=lambda app: app.label.casefold(),
        )
        profile = self.app.phone.profile
        say, theme = profile.speech.say, profile.theme
        rows = self._rows(apps, self.app.grid().columns, theme.ink)
        nothing = Label(
            say('No apps found matching "{query}"', query=self.query),
            size_sp=16,
            color=theme.muted,
            padding=24,
        )
        return Column(
            [
                Field(
                    say("Search apps"),
                    id="fallback_search_view",
                    value=self.query,
                    on_change=self._search,
                    action="search",
                    style="filled",
                    glyph="magnify",
                    background=theme.field,
                    height=54,
                    margin=(8, 8, 8, 16),
                ),
                ScrollColumn(rows or [nothing], id="apps_list_view", weight=1),
            ],
            id="apps_view",
            height="match",
            padding=(8, 12, 8, 0),
            on_swipe=self._swiped_on_drawer,
        )

    def _search(self, query: str) -> None:
        self.query = query

    def _swiped_on_drawer(self, direction: Direction) -> bool:
        if direction == "down":
            self.close_drawer()
        return direction == "down"
