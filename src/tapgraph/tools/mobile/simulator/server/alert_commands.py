"""Messages and questions of the phone, found as UiAutomator2's server finds them: by their ids."""

from collections.abc import Sequence

from tapgraph.tools.mobile.simulator.server.call import Call
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError
from tapgraph.tools.mobile.simulator.server.screen_tree import ScreenTree, TreeNode

__all__ = ["accept_alert", "alert_text", "dismiss_alert", "set_alert_text"]

_PERMISSION = "com.android.permissioncontroller:id/permission_"
_ACCEPTING = (
    "android:id/button1",
    f"{_PERMISSION}allow_button",
    f"{_PERMISSION}allow_foreground_only_button",
)
_DISMISSING = ("android:id/button2", f"{_PERMISSION}deny_button")
_SAYING = ("android:id/alertTitle", "android:id/message", f"{_PERMISSION}message")


def alert_text(call: Call) -> object:
    """What the alert says."""
    tree = _alert(call)
    said = [node.attribute("text") for node in _with_ids(tree, _SAYING)]
    return "\n".join(text for text in said if text)


def accept_alert(call: Call) -> None:
    """Press the button of that label, else the positive one."""
    _press(call, _ACCEPTING)


def dismiss_alert(call: Call) -> None:
    """Press the button of that label, else the negative one."""
    _press(call, _DISMISSING)


def set_alert_text(call: Call) -> None:
    """Refused, as alerts of Android have no field of their own."""
    _alert(call)
    raise ProtocolError("unsupported operation", "Method is not implemented")


def _alert(call: Call) -> ScreenTree:
    tree = call.look()
    if not _with_ids(tree, (*_ACCEPTING, *_DISMISSING, "android:id/alertTitle")):
        raise ProtocolError("no such alert", "An attempt was made to operate on a modal dialog "
                            "when one was not open")  # fmt: skip
    return tree


def _press(call: Call, ids: Sequence[str]) -> None:
    tree = _alert(call)
    if "buttonLabel" in call.body:
        label = call.body.text("buttonLabel")
        buttons = [
            node
            for node in tree.walk()
            if node.is_set("clickable") and node.attribute("text").lower() == label.lower()
        ]
    else:
        buttons = _with_ids(tree, ids)
    if not buttons:
        raise ProtocolError("no such alert", "the alert has no such button")
    center = buttons[0].bounds.center
    call.phone.tap(center.x, center.y)


def _with_ids(tree: ScreenTree, ids: Sequence[str]) -> list[TreeNode]:
    return [node for node in tree.walk() if node.attribute("resource-id") in ids]
