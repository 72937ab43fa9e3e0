"""What UiAutomator2 tells of a phone beside its screen, and the little that it changes of that."""

from collections.abc import Mapping

from tapgraph.tools.mobile.simulator.phone_profile import STATUS_BAR_DP
from tapgraph.tools.mobile.simulator.server.call import Call
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = [
    "clear_app",
    "connectivity",
    "contexts",
    "is_locked",
    "list_displays",
    "lock",
    "permissions",
    "system_bars",
    "unlock",
    "viewport_rect",
]

_PERMISSIONS: Mapping[str, str] = {
    "location": "android.permission.ACCESS_FINE_LOCATION",
    "camera": "android.permission.CAMERA",
    "microphone": "android.permission.RECORD_AUDIO",
    "contacts": "android.permission.READ_CONTACTS",
    "photos": "android.permission.READ_MEDIA_IMAGES",
    "notifications": "android.permission.POST_NOTIFICATIONS",
}
_STATES: Mapping[str, frozenset[str]] = {
    "requested": frozenset({"granted", "once", "denied"}),
    "granted": frozenset({"granted", "once"}),
    "denied": frozenset({"denied"}),
}


def viewport_rect(call: Call) -> object:
    """The screen without its status bar."""
    size, bar_px = call.phone.size, call.phone.profile.px(STATUS_BAR_DP)
    height_px = size.height_px - bar_px
    return {"left": 0, "top": bar_px, "width": size.width_px, "height": height_px}


def system_bars(call: Call) -> object:
    """The height of the status bar."""
    return {"statusBar": call.phone.profile.px(STATUS_BAR_DP)}


def contexts(_call: Call) -> object:
    """There are no web views."""
    return [{"webviewName": "NATIVE_APP"}]


def permissions(call: Call) -> object:
    """The permissions that an app asked for, was given or was refused."""
    kind = call.body.text("type", "requested").lower()
    if kind not in _STATES:
        raise ProtocolError(
            "invalid argument",
            f"'{kind[:100]}' is not supported. Only the following types are supported: "
            + ", ".join(_STATES),
        )
    package = call.body.text("appPackage", call.phone.foreground[0])
    rows = call.phone.database("com.android.systemui").execute(
        "SELECT name, state FROM permissions WHERE package = ?", (package,)
    )
    return sorted(_PERMISSIONS.get(name, name) for name, state in rows if state in _STATES[kind])


def list_displays(call: Call) -> object:
    """There is one."""
    size = call.phone.size
    return [
        {
            "id": 0,
            "name": "Built-in Screen",
            "isDefault": True,
            "width": size.width_px,
            "height": size.height_px,
        }
    ]


def connectivity(call: Call) -> object:
    """Whether the phone is online, as `mobile: getConnectivity` asks for it."""
    known = {"wifi": call.phone.online, "data": False, "airplaneMode": not call.phone.online}
    wanted = call.body.sequence("services", list(known))
    return {str(name): known[str(name)] for name in wanted if str(name) in known}


def lock(call: Call) -> None:
    """Turn the screen off, and on again after so many seconds of simulated time where given."""
    seconds = call.body.number("seconds", 0)
    if seconds > 0:
        call.phone.advance(seconds)
    else:
        call.session.is_locked = True


def unlock(call: Call) -> None:
    """Turn the screen on; the simulated phone has no code."""
    call.session.is_locked = False


def is_locked(call: Call) -> object:
    """Whether the screen is off."""
    return call.session.is_locked


def clear_app(call: Call) -> None:
    """Refused: the simulated apps come with their data."""
    package = call.body.text("appId")
    raise ProtocolError(
        "unknown error",
        f"Cannot clear the application data of '{package[:100]}'. Original error: Failed",
    )
