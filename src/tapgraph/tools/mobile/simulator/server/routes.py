"""Which address and method is which command."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tapgraph.tools.mobile.simulator.server import (
    alert_commands,
    element_commands,
    session_commands,
)
from tapgraph.tools.mobile.simulator.server.call import Call
from tapgraph.tools.mobile.simulator.server.mobile_commands import (
    MOBILE_COMMANDS,
    execute_mobile,
    run_mobile,
)

__all__ = ["ROUTES", "Command", "Route"]

Command: TypeAlias = Callable[[Call], object]
Method: TypeAlias = Literal["GET", "POST", "DELETE"]


@dataclass(frozen=True, slots=True)
class Route:
    """A command inside a session; `path` is what follows `/session/<session_id>`."""

    method: Method
    path: str
    command: Command


def _mobile(name: str) -> Command:
    """A `mobile:` command at an address of its own, as older clients send it."""
    return lambda call: run_mobile(call, name, call.body)


def _listed_commands() -> object:
    """Which addresses there are, in the form of Appium 3."""
    paths: dict[str, dict[str, object]] = {}
    for route in ROUTES:
        address = _VARIABLE.sub(r":\1", f"/session/:sessionId{route.path}")
        paths.setdefault(address, {})[route.method] = {"command": route.command.__name__.strip("_")}
    return {"rest": {"base": paths, "driver": {}, "plugins": {}}, "bidi": {}}


def _listed_extensions() -> object:
    """Which `mobile:` commands there are, in the form of Appium 3."""
    methods = {
        f"mobile: {name}": {
            "command": f"mobile{name[0].upper()}{name[1:]}",
            "params": [{"name": one, "required": True} for one in command.required],
        }
        for name, command in MOBILE_COMMANDS.items()
    }
    return {"rest": {"driver": methods, "plugins": {}}}


_VARIABLE = re.compile(r"<(\w+)>")
_SESSION = session_commands
_ELEMENT = element_commands

_STANDARD: Sequence[Route] = (
    Route("GET", "", _SESSION.session_capabilities),
    Route("GET", "/timeouts", _SESSION.timeouts),
    Route("POST", "/timeouts", _SESSION.set_timeouts),
    Route("GET", "/source", _SESSION.page_source),
    Route("GET", "/screenshot", _SESSION.screenshot),
    Route("GET", "/window", _SESSION.window_handle),
    Route("GET", "/window/handles", _SESSION.window_handles),
    Route("GET", "/window/rect", _SESSION.window_rect),
    Route("POST", "/back", _SESSION.back),
    Route("POST", "/actions", _SESSION.perform_actions),
    Route("DELETE", "/actions", _SESSION.release_actions),
    Route("POST", "/execute/sync", execute_mobile),
    Route("POST", "/element", _ELEMENT.find_element),
    Route("POST", "/elements", _ELEMENT.find_elements),
    Route("GET", "/element/active", _ELEMENT.active_element),
    Route("POST", "/element/<element_id>/element", _ELEMENT.find_child),
    Route("POST", "/element/<element_id>/elements", _ELEMENT.find_children),
    Route("POST", "/element/<element_id>/click", _ELEMENT.click),
    Route("POST", "/element/<element_id>/clear", _ELEMENT.clear),
    Route("POST", "/element/<element_id>/value", _ELEMENT.send_keys),
    Route("GET", "/element/<element_id>/text", _ELEMENT.text),
    Route("GET", "/element/<element_id>/name", _ELEMENT.name),
    Route("GET", "/element/<element_id>/rect", _ELEMENT.rect),
    Route("GET", "/element/<element_id>/attribute/<name>", _ELEMENT.attribute),
    Route("GET", "/element/<element_id>/property/<name>", _ELEMENT.attribute),
    Route("GET", "/element/<element_id>/displayed", _ELEMENT.displayed),
    Route("GET", "/element/<element_id>/enabled", _ELEMENT.enabled),
    Route("GET", "/element/<element_id>/selected", _ELEMENT.selected),
    Route("GET", "/element/<element_id>/screenshot", _ELEMENT.element_screenshot),
    Route("POST", "/alert/accept", alert_commands.accept_alert),
    Route("POST", "/alert/dismiss", alert_commands.dismiss_alert),
    Route("GET", "/alert/text", alert_commands.alert_text),
    Route("POST", "/alert/text", alert_commands.set_alert_text),
)

_APPIUM: Sequence[Route] = (
    Route("GET", "/appium/capabilities", _SESSION.appium_capabilities),
    Route("GET", "/appium/commands", lambda _: _listed_commands()),
    Route("GET", "/appium/extensions", lambda _: _listed_extensions()),
    Route("GET", "/appium/settings", _SESSION.settings),
    Route("POST", "/appium/settings", _SESSION.update_settings),
    Route("POST", "/appium/events", _SESSION.log_events),
    Route("POST", "/appium/log_event", _SESSION.log_event),
    Route("GET", "/orientation", _SESSION.orientation),
    Route("POST", "/orientation", _SESSION.set_orientation),
    Route("GET", "/rotation", _SESSION.rotation),
    Route("POST", "/rotation", _SESSION.set_rotation),
    Route("GET", "/context", _SESSION.current_context),
    Route("POST", "/context", _SESSION.switch_context),
    Route("GET", "/contexts", _SESSION.contexts),
    Route("GET", "/se/log/types", _SESSION.available_log_types),
    Route("GET", "/window/<handle>/size", _SESSION.window_size),
    Route("GET", "/element/<element_id>/location_in_view", _ELEMENT.location_in_view),
)

_OLDER: Sequence[tuple[Method, str, str]] = (
    ("GET", "current_package", "getCurrentPackage"),
    ("GET", "current_activity", "getCurrentActivity"),
    ("GET", "is_keyboard_shown", "isKeyboardShown"),
    ("GET", "system_time", "getDeviceTime"),
    ("POST", "system_time", "getDeviceTime"),
    ("POST", "activate_app", "activateApp"),
    ("POST", "terminate_app", "terminateApp"),
    ("POST", "app_state", "queryAppState"),
    ("POST", "app_installed", "isAppInstalled"),
    ("POST", "lock", "lock"),
    ("POST", "unlock", "unlock"),
    ("POST", "is_locked", "isLocked"),
    ("GET", "system_bars", "getSystemBars"),
    ("GET", "display_density", "getDisplayDensity"),
    ("POST", "press_keycode", "pressKey"),
    ("POST", "long_press_keycode", "pressKey"),
    ("POST", "hide_keyboard", "hideKeyboard"),
    ("POST", "open_notifications", "openNotifications"),
    ("POST", "get_clipboard", "getClipboard"),
    ("POST", "set_clipboard", "setClipboard"),
)

_UNSUPPORTED: Sequence[tuple[Method, str]] = (
    ("GET", "/url"),
    ("POST", "/url"),
    ("GET", "/title"),
    ("POST", "/forward"),
    ("POST", "/refresh"),
    ("POST", "/window"),
    ("DELETE", "/window"),
    ("POST", "/window/new"),
    ("POST", "/window/rect"),
    ("POST", "/window/maximize"),
    ("POST", "/window/minimize"),
    ("POST", "/window/fullscreen"),
    ("POST", "/frame"),
    ("POST", "/frame/parent"),
    ("POST", "/execute/async"),
    ("GET", "/cookie"),
    ("POST", "/cookie"),
    ("DELETE", "/cookie"),
    ("POST", "/print"),
    ("GET", "/location"),
    ("POST", "/location"),
    ("POST", "/se/log"),
    ("GET", "/element/<element_id>/css/<name>"),
    ("GET", "/element/<element_id>/computedrole"),
    ("GET", "/element/<element_id>/computedlabel"),
    ("GET", "/element/<element_id>/shadow"),
    ("POST", "/appium/start_recording_screen"),
    ("POST", "/appium/stop_recording_screen"),
    ("POST", "/appium/compare_images"),
    ("POST", "/appium/execute_driver"),
)

ROUTES: Sequence[Route] = (
    *_STANDARD,
    *_APPIUM,
    *(Route(method, f"/appium/device/{path}", _mobile(name)) for method, path, name in _OLDER),
    *(Route(method, path, _SESSION.unsupported) for method, path in _UNSUPPORTED),
)
"""All commands inside a session except closing it."""
