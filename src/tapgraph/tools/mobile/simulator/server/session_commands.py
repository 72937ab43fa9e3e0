"""Commands on the session and on the whole screen."""

import base64
import io
from collections.abc import Mapping, Sequence

from PIL import Image

from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.simulator.server.call import Call
from tapgraph.tools.mobile.simulator.server.element_store import ELEMENT_KEY
from tapgraph.tools.mobile.simulator.server.gestures import play_events, read_traces
from tapgraph.tools.mobile.simulator.server.input_sources import (
    InputSource,
    PointerItem,
    parse_sources,
)
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = [
    "KEY_CODES",
    "appium_capabilities",
    "available_log_types",
    "back",
    "base64_png",
    "contexts",
    "current_context",
    "log_event",
    "log_events",
    "orientation",
    "page_source",
    "perform_actions",
    "release_actions",
    "rotation",
    "screenshot",
    "session_capabilities",
    "set_orientation",
    "set_rotation",
    "set_timeouts",
    "settings",
    "switch_context",
    "timeouts",
    "unsupported",
    "update_settings",
    "window_handle",
    "window_handles",
    "window_rect",
    "window_size",
]

KEY_CODES: Mapping[str, int] = {
    "\ue003": 67,
    "\ue006": 66,
    "\ue007": 66,
    "\ue00c": 4,
    "\n": 66,
}
"""Special keys of the standard (backspace, return, enter, escape), as Android key codes."""

_NATIVE_CONTEXT = "NATIVE_APP"
_LONGEST_TIMEOUT_MS = 2**53 - 1


def session_capabilities(call: Call) -> object:
    """What the session was opened with."""
    capabilities = call.session.capabilities
    return {name.removeprefix("appium:"): value for name, value in capabilities.items()}


def appium_capabilities(call: Call) -> object:
    """What the session was opened with, in the form of Appium 3."""
    return {"capabilities": call.session.capabilities}


def timeouts(call: Call) -> object:
    """The timeouts, in milliseconds."""
    return {
        "command": round(call.session.command_timeout_s * 1000),
        "implicit": round(call.session.implicit_wait_s * 1000),
    }


def set_timeouts(call: Call) -> None:
    """Set the timeouts of the standard; only `implicit` means something on a phone."""
    known = [name for name in ("script", "pageLoad", "implicit") if name in call.body]
    if not known:
        raise ProtocolError("invalid argument", "set one of 'script', 'pageLoad', 'implicit'")
    for name in known:
        timeout_ms = call.body.integer(name)
        if not 0 <= timeout_ms <= _LONGEST_TIMEOUT_MS:
            raise ProtocolError("invalid argument", f"{name!r} must be at least 0 ms")
        if name == "implicit":
            call.session.implicit_wait_s = timeout_ms / 1000


def settings(call: Call) -> object:
    """The settings of the session."""
    return dict(call.session.settings)


def update_settings(call: Call) -> None:
    """Keep settings and tell them again; none changes what the simulated phone does."""
    call.session.settings.update(call.body.mapping("settings"))


def page_source(call: Call) -> object:
    """The view hierarchy as UiAutomator2 writes it."""
    call.manners.wait_for_root(call.phone)
    return call.page_source()


def screenshot(call: Call) -> object:
    """The screen as PNG."""
    return base64_png(call.screenshot())


def base64_png(picture: Image.Image) -> str:
    """A picture as the protocol carries it."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def window_rect(call: Call) -> object:
    """Place and size of the screen."""
    size = call.phone.size
    return {"x": 0, "y": 0, "width": size.width_px, "height": size.height_px}


def window_size(call: Call) -> object:
    """Size of the screen, for clients of the older protocol."""
    return {"width": call.phone.size.width_px, "height": call.phone.size.height_px}


def window_handle(_call: Call) -> object:
    """A name for the only window."""
    return "main"


def window_handles(_call: Call) -> object:
    """The names of all windows."""
    return ["main"]


def orientation(call: Call) -> object:
    """`PORTRAIT` or `LANDSCAPE`."""
    return "LANDSCAPE" if call.phone.size.is_landscape else "PORTRAIT"


def set_orientation(call: Call) -> object:
    """Turn the phone."""
    wanted = call.body.text("orientation").upper()
    if wanted not in {"PORTRAIT", "LANDSCAPE"}:
        raise ProtocolError(
            "invalid argument", f"'orientation' must be PORTRAIT or LANDSCAPE, got {wanted!r}"
        )
    upright = "LANDSCAPE" if call.phone.profile.screen.is_landscape else "PORTRAIT"
    call.phone.rotate(0 if wanted == upright else 1)
    return wanted


def rotation(call: Call) -> object:
    """How far the phone is turned, in degrees."""
    return {"x": 0, "y": 0, "z": 90 * (call.phone.rotation % 2)}


def set_rotation(call: Call) -> object:
    """Turn the phone by degrees."""
    degrees = call.body.integer("z")
    if degrees not in {0, 90, 180, 270}:
        raise ProtocolError("invalid argument", f"'z' must be 0, 90, 180 or 270, got {degrees}")
    call.phone.rotate(1 if degrees in {90, 270} else 0)
    return rotation(call)


def back(call: Call) -> None:
    """Press Back."""
    call.phone.press_key(4)


def perform_actions(call: Call) -> None:
    """Move fingers and press keys."""
    _perform(call, parse_sources(call.body))


def release_actions(call: Call) -> None:
    """Lift every finger that is still down."""
    lifted = [
        InputSource(source_id, "pointer", (PointerItem("pointerUp"),))
        for source_id in call.session.pointers
    ]
    _perform(call, lifted)
    call.session.pointers.clear()


def _perform(call: Call, sources: Sequence[InputSource]) -> None:
    def element_center(origin: object) -> Point:
        if isinstance(origin, dict) and isinstance(origin.get(ELEMENT_KEY), str):
            node = call.session.elements.find(origin[ELEMENT_KEY], call.look())
            return node.bounds.center
        raise ProtocolError(
            "invalid argument",
            f"'origin' must be 'viewport', 'pointer' or an element, got {origin!r:.200}",
        )

    events = read_traces(sources, call.session.pointers, call.phone.size, element_center)
    play_events(events, call.phone, KEY_CODES)


def contexts(_call: Call) -> object:
    """There are no web views."""
    return [_NATIVE_CONTEXT]


def current_context(_call: Call) -> object:
    """There are no web views."""
    return _NATIVE_CONTEXT


def switch_context(call: Call) -> None:
    """Stay where one is; the wording is the one that clients look for."""
    if call.body.text("name") != _NATIVE_CONTEXT:
        raise ProtocolError("unknown error", "No such context found.")


def available_log_types(_call: Call) -> object:
    """The simulated phone writes no logs."""
    return []


def log_events(_call: Call) -> object:
    """No times are recorded."""
    return {}


def log_event(call: Call) -> None:
    """Take an event of the client and forget it."""
    call.body.text("vendor")
    call.body.text("event")


def unsupported(_call: Call) -> object:
    """A command of a browser, or of hardware that is not simulated."""
    raise ProtocolError("unsupported operation", "the simulated phone cannot do this")
