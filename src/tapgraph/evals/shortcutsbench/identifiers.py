"""Which actions of a shortcut are judged (ShortcutsBench, section on evaluation)."""

__all__ = [
    "CONTROL_FLOW",
    "FINISH",
    "LEFT_OUT",
    "NOT_JUDGED",
    "SYSTEM_INPUTS",
    "TASK_TYPES",
    "is_judged",
    "task_type",
]

_APPLE = "is.workflow.actions."

CONTROL_FLOW = frozenset(
    _APPLE + name for name in ("conditional", "choosefrommenu", "repeat.each", "repeat.count")
)
"""The four actions that come in parts, joined by `GroupingIdentifier`."""

LEFT_OUT = frozenset({f"{_APPLE}comment", f"{_APPLE}alert"})
"""Actions that are neither judged nor shown in the history."""

NOT_JUDGED = CONTROL_FLOW | {
    _APPLE + name
    for name in ("getvariable", "setvariable", "appendvariable", "runworkflow", "gettext", "ask")
}
"""Actions that are shown in the history and never asked for."""

FINISH = "Finish"
"""What a model says in place of an API when the query is done."""

SYSTEM_INPUTS = frozenset({"ExtensionInput", "CurrentDate", "Clipboard", "DeviceDetails", "Ask"})
"""Kinds of values that come from the system or the user."""

TASK_TYPES = (
    "Productivity & Utilities",
    "Health & Fitness",
    "Entertainment & Media",
    "Lifestyle & Social",
    "Education & Reference",
    "Business & Finance",
    "Development & API",
    "Home & Smart Devices",
)
"""The paper's eight labels."""

_INVENTED_LABELS = {
    "Utilities & Productivity": "Productivity & Utilities",
    "Utilities": "Productivity & Utilities",
    "Data & Utilities": "Productivity & Utilities",
    "Accessibility & Utilities": "Productivity & Utilities",
    "Accessibility & Media": "Entertainment & Media",
    "Accessibility & Smart Devices": "Home & Smart Devices",
    "Social & Lifestyle": "Lifestyle & Social",
    "Finance & Business": "Business & Finance",
    "Finance & Utilities": "Business & Finance",
    "Finance & Finance": "Business & Finance",
}


def is_judged(identifier: str) -> bool:
    """Whether a gold action is a step that is asked for and scored."""
    return identifier not in LEFT_OUT and identifier not in NOT_JUDGED


def task_type(label: str) -> str:
    """One of the eight types for a label of the categories file, or `other`.

    The labels were written by a model, which invented 21 of its own for 75 shortcuts. Those that
    are one of the eight in other words are mapped; news, travel, weather and safety are `other`.

    >>> task_type("Finance & Business"), task_type("Travel & Maps")
    ('Business & Finance', 'other')
    """
    known = _INVENTED_LABELS.get(label, label)
    return known if known in TASK_TYPES else "other"
