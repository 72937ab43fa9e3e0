"""The `mobile:` commands on apps."""

from tapgraph.tools.mobile.simulator.server.call import Call
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = [
    "activate_app",
    "background_app",
    "current_activity",
    "current_package",
    "deep_link",
    "is_app_installed",
    "list_apps",
    "query_app_state",
    "start_activity",
    "terminate_app",
]

_NOT_INSTALLED = 0
_NOT_RUNNING = 1
_IN_BACKGROUND = 3
_IN_FOREGROUND = 4


def activate_app(call: Call) -> None:
    """Bring an app to the front, as its icon does."""
    call.phone.open_app(_installed(call, call.body.text("appId")))


def terminate_app(call: Call) -> object:
    """End an app; true when it was running."""
    package = _installed(call, call.body.text("appId"))
    was_running = _state(call, package) > _NOT_RUNNING
    call.phone.terminate_app(package)
    return was_running


def query_app_state(call: Call) -> object:
    """0 not installed, 1 not running, 3 in the background, 4 in front."""
    return _state(call, call.body.text("appId"))


def is_app_installed(call: Call) -> object:
    """Whether there is an app of this package."""
    return call.body.text("appId") in _packages(call)


def list_apps(call: Call) -> object:
    """All apps by package."""
    return call.manners.listed_apps(call.phone.apps)


def start_activity(call: Call) -> None:
    """Start an app by an intent such as `com.example/.MainActivity`.

    The simulated phone starts apps at their first page only.
    """
    name = "intent" if "intent" in call.body else "component"
    package, separator, activity = call.body.text(name).partition("/")
    if not separator or not activity:
        raise ProtocolError(
            "invalid argument", f"{name!r} must be 'package/activity', got {package!r:.200}"
        )
    _installed(call, package)
    if "stop" in call.body and call.body.boolean("stop"):
        call.phone.terminate_app(package)
    call.phone.open_app(package)


def deep_link(call: Call) -> object:
    """Refused: the simulated apps have no links."""
    raise ProtocolError(
        "unsupported operation",
        f"no app of the simulated phone opens {call.body.text('url')!r:.200}; open the app "
        "with 'mobile: activateApp' and use its search",
    )


def background_app(call: Call) -> None:
    """Go to the launcher, and after so many seconds of simulated time back; negative is never."""
    seconds = call.body.number("seconds", -1)
    package, _ = call.phone.foreground
    call.phone.press_key(3)
    if seconds >= 0 and package in _packages(call):
        call.phone.advance(seconds)
        call.phone.open_app(package)


def current_package(call: Call) -> object:
    """The package of the app in front."""
    package, _ = call.phone.foreground
    return package


def current_activity(call: Call) -> object:
    """The page in front."""
    _, activity = call.phone.foreground
    return activity


def _packages(call: Call) -> set[str]:
    return {app.package for app in call.phone.apps}


def _installed(call: Call, package: str) -> str:
    if package not in _packages(call):
        raise ProtocolError("unknown error", f"the app {package!r:.200} is not installed")
    return package


def _state(call: Call, package: str) -> int:
    if package not in _packages(call):
        return _NOT_INSTALLED
    if call.phone.foreground[0] == package:
        return _IN_FOREGROUND
    return _IN_BACKGROUND if call.phone.is_running(package) else _NOT_RUNNING
