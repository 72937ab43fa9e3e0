"""Phones: what a device is, what can be done on it, and its screen as elements and as words."""

from importlib import import_module
from typing import TYPE_CHECKING

from tapgraph.tools.mobile.actions import (
    Action,
    Answer,
    AskUser,
    Back,
    ClearText,
    DoubleTap,
    Enter,
    Home,
    LongPress,
    OpenApp,
    ShowRest,
    Swipe,
    SwitchApp,
    Tap,
    Type,
    Wait,
)
from tapgraph.tools.mobile.device import ActionReceipt, AppInfo, Capability, Device
from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen, SeenIcon
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.screen_text import describe, describe_difference
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

if TYPE_CHECKING:
    from tapgraph.tools.mobile.appium_device import AppiumDevice

__all__ = [
    "Action",
    "ActionReceipt",
    "Answer",
    "AppInfo",
    "AppiumDevice",
    "AskUser",
    "Back",
    "Bounds",
    "Capability",
    "ClearText",
    "Device",
    "DoubleTap",
    "Element",
    "Enter",
    "Home",
    "LongPress",
    "OpenApp",
    "Point",
    "Role",
    "Screen",
    "ScreenReader",
    "SeenIcon",
    "ShowRest",
    "Size",
    "Swipe",
    "SwitchApp",
    "Tap",
    "Type",
    "UiTree",
    "Wait",
    "describe",
    "describe_difference",
    "parse_ui_tree",
]

_LOADED_WHEN_USED = {"AppiumDevice": "tapgraph.tools.mobile.appium_device"}
"""From name to module: Appium's client and Selenium take three times as long as all the rest."""

if not TYPE_CHECKING:  # a checker would take it as a promise that every name is here

    def __getattr__(name: str) -> object:
        if name in _LOADED_WHEN_USED:
            return getattr(import_module(_LOADED_WHEN_USED[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
