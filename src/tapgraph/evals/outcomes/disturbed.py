"""The same step in other words, and with what does not matter around it: what a judge must bear."""

from dataclasses import replace
from random import Random

from tapgraph.tools.mobile.outcome import StepWords

__all__ = ["noised", "reworded"]

_OTHER_WORDS = {
    "appears": "will be displayed",
    "is shown": "turns up on the display",
    "opens": "loads",
    "is in front": "has started",
    "should come up": "launches",
    "goes away": "is dismissed",
    "is no longer there": "has vanished",
    "closes": "is gone",
    "I see": "The result should be",
    "now there is": "expect to find",
    "the page with": "a view titled",
    "the keyboard appears": "the input method pops up",
    "the field has the focus": "the cursor blinks in the input",
    "I can type now": "text entry is possible",
    "I do this": "Performing the action",
    "The Operator acts": "I will tap",
    "it answers": "something happens",
    "the screen changes": "a reaction follows",
    "checked": "on",
    "selected": "active",
}
_ADVERTS = (
    '+ text "Sponsored: 20% off today only"',
    '+ button "Install now"',
    '+ text "You may also like"',
    '~ text "3 new" (was "2 new")',
    "2 elements moved",
)
_LOST = 0.15


def reworded(step: StepWords) -> StepWords:
    """Its expectation in words that no training step has; what it names stays."""
    expected = step.expected
    for known, other in sorted(_OTHER_WORDS.items(), key=lambda pair: -len(pair[0])):
        expected = expected.replace(known, other)
    return replace(step, expected=expected)


def noised(step: StepWords, dice: Random) -> StepWords:
    """Its changes in another order, some of them lost, with two lines that mean nothing."""
    head = [line for line in step.changes.split("\n") if line[:2] not in {"+ ", "- ", "~ "}]
    lines = [line for line in step.changes.split("\n") if line[:2] in {"+ ", "- ", "~ "}]
    kept = [line for line in lines if dice.random() >= _LOST] + dice.sample(_ADVERTS, 2)
    dice.shuffle(kept)
    return replace(step, changes="\n".join([*head, *kept]))
