"""Runs the apps: pages, dialogs, permissions, Home, Back, Recents, crashes."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, Final

from tapgraph.tools.mobile.simulator.app import Activity, App, Dialog, DialogButton
from tapgraph.tools.mobile.simulator.back_stack import (
    BackStack,
    OpenDialog,
    Page,
    PermissionPrompt,
    Task,
)
from tapgraph.tools.mobile.simulator.launcher import LAUNCHER_PACKAGE, Launcher
from tapgraph.tools.mobile.simulator.speech import Speech

__all__ = ["PERMISSION_PACKAGE", "ActivityManager"]

PERMISSION_PACKAGE: Final = "com.android.permissioncontroller"
_SLOW_PAGE_S: Final = 5.0
_POPUPS: Final = (
    ("Enjoying {app}?", "Your rating helps other people find this app.", "Not now", "Rate"),
    ("Update available", "A new version of {app} is ready to install.", "Later", "Update"),
    ("Turn on notifications?", "{app} can tell you about news and offers.", "No thanks", "Turn on"),
    ("What's new in {app}", "A faster search and a fresh look.", "Skip", "Show me"),
)
"""Pop-ups that a fault shows: title, message, the way out, the other choice."""


class ActivityManager:
    """What runs and what is in front.

    Attributes:
        stack: the running apps.
        recents_open: whether the overview of running apps is in front.
        crashed: the app whose "keeps stopping" dialog is shown.
        permissions: by package and name, `granted`, `once` or `denied`.
    """

    def __init__(
        self,
        launcher: Launcher,
        *,
        slow_pages: tuple[int, ...],
        is_online: Callable[[], bool],
        forget: Callable[[str], None],
    ) -> None:
        self.launcher = launcher
        self.stack = BackStack(Task(launcher, [Page(launcher.home, 0)]))
        self.recents_open = False
        self.crashed: App | None = None
        self.permissions: dict[tuple[str, str], str] = {}
        self._slow_pages = slow_pages
        self._is_online = is_online
        self._forget = forget
        self._serial = 0
        self._opened = 0

    @property
    def front(self) -> Task:
        """The app in front, the launcher where there is none."""
        return self.stack.front

    @property
    def prompt(self) -> PermissionPrompt | None:
        """The permission that is being asked for."""
        prompts = self.front.prompts
        return prompts[0] if prompts and not self.recents_open else None

    @property
    def dialog(self) -> OpenDialog | None:
        """The visible dialog of the app in front."""
        page = self.front.top
        if self.recents_open or page.loading_s > 0 or not page.dialogs:
            return None
        return page.dialogs[-1]

    @property
    def foreground(self) -> tuple[str, str]:
        """Package and activity in front, as `dumpsys` would name them."""
        if self.recents_open:
            return LAUNCHER_PACKAGE, "com.android.quickstep.RecentsActivity"
        if self.prompt is not None:
            return PERMISSION_PACKAGE, ".permission.ui.GrantPermissionsActivity"
        return self.front.app.package, self.front.top.activity.name

    def _next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def start_activity(self, activity: Activity[Any]) -> None:
        """Put a new page on its app's back stack and the app in front."""
        self._opened += 1
        app = activity.app
        page = Page(activity, self._next_serial())
        if self._opened in self._slow_pages:
            page.loading_s = _SLOW_PAGE_S
        task = self.stack.task_of(app)
        if task is None:
            task = Task(app, [page])
        else:
            task.pages.append(page)
        self._bring_forward(task)
        activity.on_open()
        activity.on_resume()

    def finish_activity(self, activity: Activity[Any]) -> None:
        """Take a page off; an app without pages ends."""
        task = self.stack.task_of(activity.app)
        page = (
            next((page for page in task.pages if page.activity is activity), None) if task else None
        )
        if task is None or page is None or task is self.stack.home:
            return
        self._forget(self.scope(task, page))
        if len(task.pages) == 1:
            self.end(task)
            return
        was_top = page is task.top
        task.pages.remove(page)
        if was_top:
            task.top.activity.on_resume()

    @staticmethod
    def scope(task: Task, page: Page) -> str:
        """What the identities of a page's views start with."""
        return f"{task.app.package}.{page.serial}"

    def launch(self, app: App) -> None:
        """What a tap on an app's icon does."""
        task = self.stack.task_of(app)
        if task is None:
            self.start_activity(app.first_activity())
        else:
            self.resume(task)

    def resume(self, task: Task) -> None:
        """Bring a running app to the front as it was left."""
        self._bring_forward(task)
        task.top.activity.on_resume()

    def _bring_forward(self, task: Task) -> None:
        self.recents_open = False
        self.crashed = None
        if task is not self.stack.home:
            self.launcher.home.close_drawer()
        self.stack.bring_forward(task)

    def go_home(self) -> None:
        """What the Home key does."""
        self.recents_open = False
        self.crashed = None
        self.stack.at_home = True
        self.launcher.home.close_drawer()

    def toggle_recents(self) -> None:
        """What the Recents key does: the overview, and in it the app used before."""
        self.crashed = None
        if self.recents_open:
            self._leave_recents()
        else:
            self.recents_open = True

    def _leave_recents(self) -> None:
        tasks = self.stack.tasks
        if not tasks:
            self.go_home()
        elif self.stack.at_home:
            self.resume(tasks[0])
        else:
            self.resume(tasks[min(1, len(tasks) - 1)])

    def end(self, task: Task) -> None:
        """Stop an app; what was allowed only once is asked again next time."""
        for page in task.pages:
            self._forget(self.scope(task, page))
        self.stack.remove(task)
        package = task.app.package
        self.permissions = {
            key: state
            for key, state in self.permissions.items()
            if key[0] != package or state != "once"
        }

    def end_all(self) -> None:
        """Stop every app and go home."""
        for task in list(self.stack.tasks):
            self.end(task)
        self.go_home()

    def crash(self) -> None:
        """The app in front dies and the system says so; the launcher cannot die."""
        task = self.front
        if task is not self.stack.home:
            self.end(task)
            self.go_home()
            self.crashed = task.app

    def close_crash_dialog(self) -> None:
        """What "Close app" does."""
        self.crashed = None

    def go_back(self) -> None:
        """What the Back key does once keyboard and shade are out of the way."""
        task = self.front
        dialog, prompt = self.dialog, self.prompt
        if self.crashed is not None:
            self.close_crash_dialog()
        elif self.recents_open:
            self.recents_open = False
        elif prompt is not None:
            self.answer(prompt, "denied")
        elif dialog is not None:
            self.cancel(dialog)
        elif (task.top.loading_s > 0 or task.top.lacks_network) or not task.top.activity.on_back():
            self._leave_top(task)

    def _leave_top(self, task: Task) -> None:
        if len(task.pages) > 1:
            self.finish_activity(task.top.activity)
        else:
            # Since Android 12 Back on the first page keeps the app running in the background.
            self.go_home()

    def show_dialog(self, app: App, dialog: Dialog) -> None:
        """Lay a dialog over an app's visible page; nothing where the app does not run."""
        task = self.stack.task_of(app)
        if task is not None:
            task.top.dialogs.append(OpenDialog(dialog, self._next_serial()))

    def dismiss_dialog(self, app: App) -> None:
        """Close the visible dialog of an app."""
        task = self.stack.task_of(app)
        if task is not None and task.top.dialogs:
            task.top.dialogs.pop()

    def choose(self, dialog: OpenDialog, button: DialogButton) -> None:
        """Close a dialog, then do what the button says."""
        self._close(dialog)
        if button.on_click is not None:
            button.on_click()

    def cancel(self, dialog: OpenDialog) -> None:
        """Back or a tap outside."""
        if dialog.dialog.cancelable:
            self._close(dialog)
            if dialog.dialog.on_cancel is not None:
                dialog.dialog.on_cancel()

    def _close(self, dialog: OpenDialog) -> None:
        for task in [self.stack.home, *self.stack.tasks]:
            for page in task.pages:
                if dialog in page.dialogs:
                    page.dialogs.remove(dialog)

    def ask_permission(self, app: App, name: str, then: Callable[[bool], None]) -> None:
        """Answer at once where it is granted, else ask the user."""
        task = self.stack.task_of(app)
        if self.permissions.get((app.package, name)) in {"granted", "once"}:
            then(True)
        elif task is not None:
            task.prompts.append(PermissionPrompt(name, then, self._next_serial()))

    def answer(self, prompt: PermissionPrompt, state: str) -> None:
        """What the user chose: `granted`, `once` or `denied`."""
        task = self.front
        task.prompts.remove(prompt)
        self.permissions[task.app.package, prompt.name] = state
        prompt.then(state != "denied")

    def pop_up(self, random: Random, speech: Speech, toast: Callable[[App, str], None]) -> None:
        """Lay an unasked dialog over the app in front."""
        app = self.front.app
        title, message, decline, accept = map(speech.say, random.choice(_POPUPS))
        self.show_dialog(
            app,
            Dialog(
                title=title.format(app=app.label),
                message=message.format(app=app.label),
                buttons=(
                    DialogButton(decline),
                    DialogButton(accept, partial(toast, app, speech.say("Thank you"))),
                ),
                is_unasked=True,
            ),
        )

    def note_network(self) -> None:
        """Let the visible page fail where it needs a network that is gone."""
        task = self.front
        needs = task.app.needs_network and task.top.activity.needs_network
        if needs and not self.recents_open and not self._is_online():
            task.top.lacks_network = True

    def retry(self, page: Page) -> None:
        """What "Retry" does on a page without network."""
        if self._is_online():
            page.lacks_network = False
