"""Touches through an Appium session: W3C pointer actions without the client's own pauses."""

from collections.abc import Callable

from appium.webdriver.webdriver import WebDriver
from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.mouse_button import MouseButton
from selenium.webdriver.common.actions.pointer_input import PointerInput

from tapgraph.tools.mobile.appium_session import AppiumSession
from tapgraph.tools.mobile.geometry import Point

__all__ = ["double_tap", "long_press", "swipe", "tap"]

_TAP_S = 0.05
_BETWEEN_TAPS_S = 0.08
_LONG_PRESS_S = 1.0
_SWIPE_MS = 400


def tap(session: AppiumSession, point: Point) -> None:
    """Touch a point of the window shortly."""
    _move_finger(session, "tap", lambda finger: _touch(finger, point, _TAP_S))


def double_tap(session: AppiumSession, point: Point) -> None:
    """Touch a point of the window twice quickly."""

    def movement(finger: PointerInput) -> None:
        _touch(finger, point, _TAP_S)
        finger.create_pause(_BETWEEN_TAPS_S)
        _touch(finger, point, _TAP_S)

    _move_finger(session, "double tap", movement)


def long_press(session: AppiumSession, point: Point) -> None:
    """Hold a finger on a point of the window for a second."""
    _move_finger(session, "long press", lambda finger: _touch(finger, point, _LONG_PRESS_S))


def swipe(session: AppiumSession, start: Point, end: Point) -> None:
    """Drag a finger from one point of the window to another."""

    def movement(finger: PointerInput) -> None:
        finger.create_pointer_move(duration=0, x=start.x, y=start.y)
        finger.create_pointer_down(button=MouseButton.LEFT)
        finger.create_pointer_move(duration=_SWIPE_MS, x=end.x, y=end.y)
        finger.create_pointer_up(MouseButton.LEFT)

    _move_finger(session, "swipe", movement)


def _touch(finger: PointerInput, point: Point, hold_s: float) -> None:
    finger.create_pointer_move(duration=0, x=point.x, y=point.y)
    finger.create_pointer_down(button=MouseButton.LEFT)
    finger.create_pause(hold_s)
    finger.create_pointer_up(MouseButton.LEFT)


def _move_finger(
    session: AppiumSession, what: str, movement: Callable[[PointerInput], None]
) -> None:
    def command(driver: WebDriver) -> None:
        finger = PointerInput(interaction.POINTER_TOUCH, "finger")
        movement(finger)
        ActionBuilder(driver, mouse=finger).perform()

    session.act(what, command)
