"""The `mobile:` commands of UiAutomator2, by name."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tapgraph.tools.mobile.simulator.server import (
    alert_commands,
    app_commands,
    gesture_commands,
    state_commands,
)
from tapgraph.tools.mobile.simulator.server.call import Call
from tapgraph.tools.mobile.simulator.server.device_time import DEFAULT_TIME_FORMAT, format_time
from tapgraph.tools.mobile.simulator.server.parameters import Parameters
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = ["MOBILE_COMMANDS", "MobileCommand", "execute_mobile"]

_LONGEST_TEXT = 20_000
_LARGEST_KEY_CODE = 400
_LOCALES = {"en": "en_US", "de": "de_DE"}
_EDITOR_ACTIONS: Mapping[int, str] = {
    0: "unspecified",
    1: "none",
    2: "go",
    3: "search",
    4: "send",
    5: "next",
    6: "done",
    7: "previous",
}
"""The codes of `android.view.inputmethod.EditorInfo`."""


@dataclass(frozen=True, slots=True)
class MobileCommand:
    """A command and the parameters that it needs; like Appium it ignores unknown ones."""

    run: Callable[[Call], object]
    required: tuple[str, ...] = ()


def execute_mobile(call: Call) -> object:
    """Run `{"script": "mobile: name", "args": [{...}]}`."""
    script = call.body.text("script")
    arguments = call.body.sequence("args", [])
    if not script.startswith("mobile:"):
        raise ProtocolError(
            "unsupported operation",
            f"the phone runs no scripts, only 'mobile:' commands, got {script!r:.200}",
        )
    name = script.removeprefix("mobile:").strip()
    if len(arguments) > 1:
        raise ProtocolError("invalid argument", "'args' must hold one object at most")
    first = arguments[0] if arguments else None
    values = {} if first is None else first
    if not isinstance(values, dict):
        raise ProtocolError("invalid argument", f"'args' must hold an object, got {values!r:.200}")
    return run_mobile(call, name, Parameters(values))


def run_mobile(call: Call, name: str, body: Parameters) -> object:
    """Run a `mobile:` command by its name without the prefix."""
    command = MOBILE_COMMANDS.get(name)
    if command is None:
        raise ProtocolError(
            "unsupported operation",
            f"Unsupported execute method 'mobile: {name[:100]}'. Available methods are: "
            + ", ".join(f"mobile: {one}" for one in MOBILE_COMMANDS),
        )
    missing = [one for one in command.required if one not in body]
    if missing:
        raise ProtocolError("invalid argument", f"'mobile: {name}' needs {', '.join(missing)}")
    return command.run(replace(call, body=body))


def _press_key(call: Call) -> None:
    given = call.body.value("keycode")
    is_text = isinstance(given, str) and given.strip().isdecimal()
    key_code = int(str(given)) if is_text else call.body.integer("keycode")
    if not 0 < key_code < _LARGEST_KEY_CODE:
        raise ProtocolError("invalid argument", f"no key has the code {key_code}")
    call.phone.press_key(key_code)


def _type(call: Call) -> object:
    text = call.body.text("text")
    if len(text) > _LONGEST_TEXT:
        raise ProtocolError("invalid argument", f"more than {_LONGEST_TEXT} characters")
    _require_focus(call)
    call.phone.type_text(text)
    return True


def _perform_editor_action(call: Call) -> None:
    action = call.body.value("action")
    if isinstance(action, int) and not isinstance(action, bool):
        action = _EDITOR_ACTIONS.get(action)
    if action not in {*_EDITOR_ACTIONS.values(), "normal"}:
        raise ProtocolError(
            "invalid argument",
            f"'action' must be one of {', '.join(_EDITOR_ACTIONS.values())}, "
            f"got {call.body.value('action')!r:.200}",
        )
    _require_focus(call)
    call.phone.editor_action(str(action))


def _require_focus(call: Call) -> None:
    if call.phone.focused_field() is None:
        raise ProtocolError("invalid element state", "no text field has the input focus")


def _get_clipboard(call: Call) -> object:
    _require_plain_text(call)
    return base64.b64encode(call.phone.clipboard.encode()).decode("ascii")


def _set_clipboard(call: Call) -> None:
    _require_plain_text(call)
    try:
        content = base64.b64decode(call.body.text("content"), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise ProtocolError(
            "invalid argument", f"'content' must be UTF-8 text in base64: {error}"
        ) from error
    call.phone.clipboard = content


def _require_plain_text(call: Call) -> None:
    kind = call.body.text("contentType", "plaintext")
    if kind.lower() != "plaintext":
        raise ProtocolError(
            "invalid argument", f"'contentType' must be 'plaintext', got {kind!r:.200}"
        )


def _is_keyboard_shown(call: Call) -> object:
    return call.phone.keyboard_shown


def _hide_keyboard(call: Call) -> object:
    was_shown = call.phone.keyboard_shown
    call.phone.hide_keyboard()
    return was_shown


def _open_notifications(call: Call) -> None:
    call.phone.open_notifications()


def _get_notifications(call: Call) -> object:
    return {
        "statusBarNotifications": [
            {
                "packageName": notification.package,
                "isClearable": True,
                "isRemoved": False,
                "notification": {"title": notification.title, "text": notification.text},
            }
            for notification in call.phone.notifications
        ]
    }


def _device_info(call: Call) -> object:
    profile, size = call.phone.profile, call.phone.size
    return {
        "androidId": "0000000000000000",
        "apiVersion": "34",
        "brand": "tapgraph",
        "displayDensity": profile.dpi,
        "locale": _LOCALES[profile.language],
        "manufacturer": "tapgraph",
        "model": "Simulated phone",
        "platformVersion": "14",
        "realDisplaySize": f"{size.width_px}x{size.height_px}",
        "timeZone": "UTC",
    }


def _get_device_time(call: Call) -> object:
    return format_time(call.phone.clock, call.body.text("format", DEFAULT_TIME_FORMAT))


def _battery_info(call: Call) -> object:
    return {"level": call.phone.status.battery_percent / 100, "state": 3}


def _display_density(call: Call) -> object:
    return call.phone.profile.dpi


def _shell(_call: Call) -> object:
    raise ProtocolError(
        "unsupported operation", "the simulated phone has no shell, and never runs one on the host"
    )


MOBILE_COMMANDS: Mapping[str, MobileCommand] = {
    "acceptAlert": MobileCommand(alert_commands.accept_alert),
    "activateApp": MobileCommand(app_commands.activate_app, ("appId",)),
    "backgroundApp": MobileCommand(app_commands.background_app),
    "batteryInfo": MobileCommand(_battery_info),
    "clearApp": MobileCommand(state_commands.clear_app, ("appId",)),
    "clickGesture": MobileCommand(gesture_commands.click_gesture),
    "deepLink": MobileCommand(app_commands.deep_link, ("url",)),
    "deviceInfo": MobileCommand(_device_info),
    "dismissAlert": MobileCommand(alert_commands.dismiss_alert),
    "doubleClickGesture": MobileCommand(gesture_commands.double_click_gesture),
    "dragGesture": MobileCommand(gesture_commands.drag_gesture, ("endX", "endY")),
    "flingGesture": MobileCommand(gesture_commands.fling_gesture, ("direction",)),
    "getClipboard": MobileCommand(_get_clipboard),
    "getConnectivity": MobileCommand(state_commands.connectivity),
    "getContexts": MobileCommand(state_commands.contexts),
    "getCurrentActivity": MobileCommand(app_commands.current_activity),
    "getCurrentPackage": MobileCommand(app_commands.current_package),
    "getDeviceTime": MobileCommand(_get_device_time),
    "getDisplayDensity": MobileCommand(_display_density),
    "getNotifications": MobileCommand(_get_notifications),
    "getPermissions": MobileCommand(state_commands.permissions),
    "getSystemBars": MobileCommand(state_commands.system_bars),
    "hideKeyboard": MobileCommand(_hide_keyboard),
    "isAppInstalled": MobileCommand(app_commands.is_app_installed, ("appId",)),
    "isKeyboardShown": MobileCommand(_is_keyboard_shown),
    "isLocked": MobileCommand(state_commands.is_locked),
    "listDisplays": MobileCommand(state_commands.list_displays),
    "lock": MobileCommand(state_commands.lock),
    "listApps": MobileCommand(app_commands.list_apps),
    "longClickGesture": MobileCommand(gesture_commands.long_click_gesture),
    "openNotifications": MobileCommand(_open_notifications),
    "performEditorAction": MobileCommand(_perform_editor_action, ("action",)),
    "pinchCloseGesture": MobileCommand(gesture_commands.pinch_gesture, ("percent",)),
    "pinchOpenGesture": MobileCommand(gesture_commands.pinch_gesture, ("percent",)),
    "pressKey": MobileCommand(_press_key, ("keycode",)),
    "queryAppState": MobileCommand(app_commands.query_app_state, ("appId",)),
    "scroll": MobileCommand(gesture_commands.scroll_until, ("strategy", "selector")),
    "scrollGesture": MobileCommand(gesture_commands.scroll_gesture, ("direction", "percent")),
    "setClipboard": MobileCommand(_set_clipboard, ("content",)),
    "shell": MobileCommand(_shell, ("command",)),
    "startActivity": MobileCommand(app_commands.start_activity),
    "swipeGesture": MobileCommand(gesture_commands.swipe_gesture, ("direction", "percent")),
    "terminateApp": MobileCommand(app_commands.terminate_app, ("appId",)),
    "type": MobileCommand(_type, ("text",)),
    "unlock": MobileCommand(state_commands.unlock),
    "viewportRect": MobileCommand(state_commands.viewport_rect),
}
"""From the name without its prefix to the command."""
