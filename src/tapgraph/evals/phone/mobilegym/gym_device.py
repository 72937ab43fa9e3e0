"""MobileGym's phone: a page with apps, a back key, a home screen, and a state that it tells."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from tapgraph.errors import DeviceUnavailable, ToolError, UnreadableTree
from tapgraph.evals.phone.mobilegym import gym_scripts
from tapgraph.tools.mobile.actions import Action, Back, Home, OpenApp, SwitchApp
from tapgraph.tools.mobile.app_labels import match_app
from tapgraph.tools.mobile.device import AppInfo, Capability
from tapgraph.tools.mobile.ui_tree import UiTree
from tapgraph.tools.mobile.web import WebDevice
from tapgraph.tools.mobile.web.browser import PhoneWindow

__all__ = ["GymDevice", "GymPictures", "View"]

View = Literal["tree", "picture"]
"""What an agent is shown: the page's elements and its picture, or the picture alone."""

_FRONT_S = 8.0
_POLL_S = 0.1
_WARM_MS = 300
_LAUNCHER = AppInfo("launcher", "Home screen")


class GymDevice(WebDevice):
    """The page that MobileGym's own tools serve; made by `GymDevice.connect`.

    What the page offers to scripts (its back key, home screen and list of apps) stands for the keys
    of the phone; touches and typing are those of any page.
    """

    capabilities = frozenset({
        Capability.UI_TREE,
        Capability.TEXT,
        Capability.KEYS,
        Capability.APPS,
    })
    window: ClassVar[PhoneWindow] = PhoneWindow(360, 800, 3.0)
    """As in MobileGym's evaluations: 1080x2400."""
    view: ClassVar[View] = "tree"
    patience_s: ClassVar[float] = 60.0
    """For the page to answer scripts."""

    @property
    def name(self) -> str:
        """Where it is, and what an agent is shown of it."""
        return f"mobilegym ({self.view}):{self._home}"

    def current_app(self) -> AppInfo:
        """The app in front and the path of its page."""
        route = self.route()
        package = str(route.get("app") or "")
        if not package:
            return _LAUNCHER
        labels = {app.package: app.label for app in self.installed_apps()}
        return AppInfo(package, labels.get(package, package), str(route.get("path") or ""))

    def installed_apps(self) -> Sequence[AppInfo]:
        """The apps by their identities in MobileGym, labelled in the phone's language."""
        return tuple(AppInfo(str(app["id"]), str(app["label"])) for app in self._apps())

    def route(self) -> Mapping[str, Any]:
        """The app in front and its path; empty on the home screen, and where it is not told."""
        route = self._look(lambda driver: driver.execute_script(gym_scripts.ROUTE))
        return route if isinstance(route, dict) else {}

    def state(self, apps: Sequence[str] = ()) -> dict[str, Any]:
        """The whole state of the phone, once the states of these apps are in it."""
        state: dict[str, Any] = {}

        def is_whole() -> bool:
            nonlocal state
            state = json.loads(str(self.run_script(gym_scripts.STATE)))
            return "os" in state and state.get("apps", {}).keys() >= set(apps)

        self._await(is_whole, _FRONT_S)
        return state

    def set_state(self, patch: Mapping[str, Any], *, deep: bool, reload: bool) -> None:
        """Change a part of the state."""
        self.run_script(gym_scripts.SET_STATE, patch, deep, reload)
        if reload:
            self.await_page()

    def begin_anew(self, apps: Sequence[str] | None) -> None:
        """Bring the phone to how it is delivered, with the data of these apps, of all for None.

        Raises:
            ToolError: the page has no data of one of them.
        """
        self.await_page()
        self.run_script(gym_scripts.RESET)
        self.visit(self._home)
        self.await_page()
        if missing := self.load(apps):
            raise ToolError(f"MobileGym's page lacks data: {missing}")

    def await_page(self) -> None:
        """Return when the page answers scripts.

        Raises:
            DeviceUnavailable: it is not MobileGym's.
        """
        if not self._await(lambda: bool(self.run_script(gym_scripts.IS_READY)), self.patience_s):
            raise DeviceUnavailable(
                f"{self._home} is not MobileGym's page: it offers no state after "
                f"{self.patience_s:g} s"
            )

    def load(self, apps: Sequence[str] | None) -> str:
        """Why the data of these apps, of all for None, cannot be had; empty where they can."""
        return " ".join(str(self.run_script(gym_scripts.LOAD, apps)).split())

    def warm(self, apps: Sequence[str]) -> None:
        """Open these apps once, and go home."""
        self.run_script(gym_scripts.WARM, list(apps), _WARM_MS)

    def open(self, app: str) -> None:
        """Bring the app of that identity to the front.

        Raises:
            ToolError: it does not come within 8 s.
        """
        self.run_script(gym_scripts.OPEN, app)
        if not self._await(lambda: self.route().get("app") == app, _FRONT_S):
            raise ToolError(f"{app} was started but did not come to the front")

    def _perform(self, action: Action) -> str:
        if self._dialog() is not None:
            return super()._perform(action)
        match action:
            case OpenApp(name):
                app = self._meant(name)
                self.open(app.package)
                return f"opened {app.label} ({app.package})"
            case Back():
                self._act("go back", lambda driver: driver.execute_script(gym_scripts.BACK))
            case Home():
                self.await_page()
                self._act("go home", lambda driver: driver.execute_script(gym_scripts.HOME))
            case SwitchApp():
                self._act("show recents", lambda driver: driver.execute_script(gym_scripts.RECENTS))
            case _:
                return super()._perform(action)
        return ""

    def _apps(self) -> Sequence[Mapping[str, Any]]:
        self.await_page()
        told = self._look(lambda driver: driver.execute_script(gym_scripts.APPS))
        return told if isinstance(told, list) else ()

    def _meant(self, wanted: str) -> AppInfo:
        """The app by any of its names, in any language; else by what comes near its label."""
        for app in self._apps():
            if wanted.strip().casefold() in {str(name).casefold() for name in app["names"]}:
                return AppInfo(str(app["id"]), str(app["label"]))
        return match_app(self.installed_apps(), wanted)

    def _await(self, holds: Callable[[], bool], limit_s: float) -> bool:
        deadline = time.monotonic() + limit_s
        while not holds():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True


class GymPictures(GymDevice):
    """The same phone, of which an agent is shown pictures only, as in MobileGym's own results."""

    capabilities = GymDevice.capabilities - {Capability.UI_TREE}
    view: ClassVar[View] = "picture"

    def ui_tree(self) -> UiTree:
        """Nothing.

        Raises:
            UnreadableTree: always.
        """
        raise UnreadableTree("this phone shows pictures only")
