"""What an agent would see of a simulated phone in this process, without an agent."""

from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.screen import Screen, fingerprint_of
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.tree_elements import elements_from_tree
from tapgraph.tools.mobile.ui_tree import parse_ui_tree

__all__ = ["screen_of"]


def screen_of(phone: Phone) -> Screen:
    """What is on the phone's screen, without a picture."""
    package, activity = phone.foreground
    xml = phone.page_source()
    elements = elements_from_tree(parse_ui_tree(xml), phone.size, front_package=package)
    label = next((app.label for app in phone.apps if app.package == package), package)
    app = AppInfo(package, label, activity)
    keyboard_shown = phone.keyboard_shown
    return Screen(
        size=phone.size,
        elements=elements,
        app=app,
        keyboard_shown=keyboard_shown,
        screenshot=None,
        tree_xml=xml,
        fingerprint=fingerprint_of(app, elements, keyboard_shown=keyboard_shown),
    )
