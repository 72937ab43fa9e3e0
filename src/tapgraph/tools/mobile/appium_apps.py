"""The apps of a phone behind an Appium server: which there are, and opening one by its name."""

import logging
import re
import time
from collections.abc import Callable, Mapping

from appium.webdriver.webdriver import WebDriver

from tapgraph.errors import AppNotFound, ToolError
from tapgraph.tools.mobile.app_labels import match_app, told_apart
from tapgraph.tools.mobile.appium_session import AppiumSession, UnsupportedCommand
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.package_labels import is_openable, label_from_package

__all__ = ["AppiumApps"]

_LABEL_KEYS = ("label", "appName", "CFBundleDisplayName", "CFBundleName", "name")
_LAUNCHER_QUERY = (
    "package query-activities --components -a android.intent.action.MAIN "
    "-c android.intent.category.LAUNCHER"
)
_COMPONENT = re.compile(r"^\s*([A-Za-z]\w*(?:\.\w+)+)/[\w.$]+\s*$", re.MULTILINE)
_ASKS_FIRST = re.compile(r"permissioncontroller$|packageinstaller$|^android$")
"""Questions of Android that may stand before an app that has just been opened."""
_FRONT_TIMEOUT_S = 8.0
_POLL_S = 0.25

_logger = logging.getLogger(__name__)


class AppiumApps:
    """What can be opened on a phone.

    UiAutomator2 tells packages without labels, those of providers, overlays and services among
    them. Where the server allows shell commands (`--allow-insecure=adb_shell`) the phone is asked
    which apps its launcher shows; else the packages' names must tell.
    """

    def __init__(
        self,
        session: AppiumSession,
        front_package: Callable[[], str],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._front_package = front_package
        self._sleep = sleep
        self._clock = clock
        self._known: tuple[AppInfo, ...] | None = None

    def known(self) -> tuple[AppInfo, ...]:
        """The apps; listed once, and again after a try that failed. Empty where none are told."""
        if self._known is None:
            try:
                self._known = self._listed()
            except UnsupportedCommand as error:
                _logger.info("the apps are not known: %s", error)
                self._known = ()
            except ToolError as error:
                _logger.warning("the apps could not be listed: %s", error)
                return ()
        return self._known

    def listed_anew(self) -> tuple[AppInfo, ...]:
        """The apps that there are now."""
        self._known = None
        return self.known()

    def open(self, wanted: str) -> str:
        """Open the app that `wanted` names; returns what was opened when it is in front.

        Raises:
            AppNotFound: no app fits, several do, or none are known.
            ToolError: the phone refuses, or shows another app after 8 s.
        """
        apps = self.known()
        if not apps:
            raise AppNotFound(
                f"no app is called {wanted!r}: this Appium driver does not tell which apps are "
                "installed; find the app's icon on the home screen"
            )
        app = match_app(apps, wanted)
        self._session.act(f"open {app.label}", lambda driver: driver.activate_app(app.package))
        front = self._awaited_front(app.package)
        opened = f"opened {app.label} ({app.package})"
        if front == app.package:
            return opened
        if not front:
            return f"{opened}; the phone does not tell which app is in front"
        if _ASKS_FIRST.search(front):
            return f"{opened}; a question of the phone stands before it"
        raise ToolError(
            f"{app.label} ({app.package}) was started but did not come to the front: "
            f"{label_from_package(front)} ({front}) is there; look at the screen"
        )

    def _awaited_front(self, package: str) -> str:
        deadline = self._clock() + _FRONT_TIMEOUT_S
        while True:
            front = self._front_package()
            if front in {package, ""} or _ASKS_FIRST.search(front) or self._clock() >= deadline:
                return front
            self._sleep(_POLL_S)

    def _listed(self) -> tuple[AppInfo, ...]:
        labels = self._session.read("list the apps", _labels)
        shown = self._shown_by_launcher() or {
            package for package, label in labels.items() if label or is_openable(package)
        }
        packages = dict.fromkeys([*(one for one in labels if one in shown), *sorted(shown)])
        return told_apart([
            AppInfo(package, labels.get(package) or label_from_package(package))
            for package in packages
        ])

    def _shown_by_launcher(self) -> set[str]:
        """The packages with an icon; none where the server runs no shell commands."""
        command = {"command": "cmd", "args": _LAUNCHER_QUERY.split()}
        try:
            told = self._session.read(
                "ask the launcher", lambda driver: driver.execute_script("mobile: shell", command)
            )
        except ToolError as error:
            _logger.info("the launcher cannot be asked: %s", error)
            return set()
        return set(_COMPONENT.findall(str(told.get("stdout") if isinstance(told, dict) else told)))


def _labels(driver: WebDriver) -> Mapping[str, str]:
    """From package to label, empty where none is told; older drivers give a list of packages."""
    listed = driver.execute_script("mobile: listApps", {})
    if isinstance(listed, dict):
        return {str(package): _label(str(package), told) for package, told in listed.items()}
    if isinstance(listed, list):
        return {str(package): "" for package in listed}
    raise ToolError(f"the apps were listed as {listed!r:.100}")


def _label(package: str, told: object) -> str:
    labels = (told.get(key) for key in _LABEL_KEYS) if isinstance(told, dict) else ()
    return next(
        (label for label in labels if isinstance(label, str) and label and label != package), ""
    )
