"""Which windows are on the screen, from what runs and what is open."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from PIL import Image

from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.simulator.activity_manager import PERMISSION_PACKAGE, ActivityManager
from tapgraph.tools.mobile.simulator.back_stack import OpenDialog, Task
from tapgraph.tools.mobile.simulator.distractions import Distractions
from tapgraph.tools.mobile.simulator.launcher import LAUNCHER_PACKAGE
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.recents import RecentsActions, recents_view
from tapgraph.tools.mobile.simulator.shade import SYSTEM_UI_PACKAGE, Shade
from tapgraph.tools.mobile.simulator.system_pages import (
    crash_view,
    dialog_view,
    loading_view,
    no_network_view,
    permission_view,
)
from tapgraph.tools.mobile.simulator.views import View
from tapgraph.tools.mobile.simulator.window_manager import Window, full_screen

__all__ = ["Scene", "page_window"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What the windows are built from.

    Attributes:
        snapshot: draws a running app's page in a size, for the overview.
        profile: of the phone.
        distractions: what came over the apps.
    """

    activities: ActivityManager
    shade: Shade
    snapshot: Callable[[Task, int, int], Image.Image]
    profile: PhoneProfile
    distractions: Distractions

    def windows(self, size: Size, clock: datetime) -> list[Window]:
        """All windows but the keyboard, the lowest first."""
        activities = self.activities
        if activities.recents_open:
            windows = [self._recents(size)]
        else:
            windows = [page_window(activities, activities.front, self.profile)]
        if activities.dialog is not None:
            windows.append(self._dialog(activities.dialog))
        prompt = activities.prompt
        if prompt is not None:
            view = permission_view(
                activities.front.app, prompt.name, self.profile, partial(activities.answer, prompt)
            )
            scope, theme = f"permission.{prompt.serial}", self.profile.theme.raised()
            windows.append(Window(PERMISSION_PACKAGE, "alert", view, scope, theme))
        if activities.crashed is not None:
            view = crash_view(activities.crashed, self.profile, activities.close_crash_dialog)
            theme = self.profile.theme.raised()
            windows.append(Window("android", "alert", view, "crash", theme))
        windows.extend(self.distractions.windows())
        if self.shade.is_open:
            root = full_screen(self.shade.build(self.profile.speech.day(clock)))
            theme = self.profile.theme
            window = Window(SYSTEM_UI_PACKAGE, "shade", root, "shade", theme, theme.field)
            windows.append(window)
        return windows

    def _dialog(self, dialog: OpenDialog) -> Window:
        activities = self.activities
        theme = (activities.front.top.activity.theme or self.profile.theme).raised()
        view = dialog_view(dialog.dialog, theme, partial(activities.choose, dialog))
        return Window(
            activities.front.app.package,
            dialog.dialog.style,
            view,
            f"dialog.{dialog.serial}",
            theme,
            on_outside=partial(activities.cancel, dialog),
        )

    def _recents(self, size: Size) -> Window:
        activities = self.activities
        actions = RecentsActions(
            open=activities.resume,
            remove=activities.end,
            clear=activities.end_all,
            close=activities.go_home,
            draw=self.snapshot,
        )
        screen_dp = (self.profile.dp(size.width_px), self.profile.dp(size.height_px))
        speech = self.profile.speech
        root = full_screen(recents_view(activities.stack.tasks, screen_dp, speech, actions))
        return Window(LAUNCHER_PACKAGE, "recents", root, "recents")


def page_window(activities: ActivityManager, task: Task, profile: PhoneProfile) -> Window:
    """The visible page of a running app."""
    page = task.top
    activity = page.activity
    content: View
    if page.loading_s > 0:
        content = loading_view(profile.speech)
    elif page.lacks_network:
        content = no_network_view(profile.speech, partial(activities.retry, page))
    else:
        content = activity.build()
    is_home = task is activities.stack.home
    return Window(
        task.app.package,
        "page",
        full_screen(content),
        activities.scope(task, page),
        activity.theme or profile.theme,
        activity.background,
        activity.bar_color,
        wallpaper=is_home and not activities.launcher.home.drawer_open,
    )
