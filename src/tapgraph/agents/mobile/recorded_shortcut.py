"""From what was done in a recording to a draft of a shortcut.

What a recording says was read from pictures of screens. So a draft tells its targets by words
alone, the user's words describe it, and what was typed is an argument.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from PIL import Image
from pydantic import ValidationError

from tapgraph.agents.mobile.action_arguments import ACTION_ARGUMENTS
from tapgraph.errors import UsageError
from tapgraph.memory import Condition, ShortcutDraft, ShortcutStep, StepTarget
from tapgraph.memory.admission import MOST_STEPS, Admission, admit_shortcut, private_part
from tapgraph.memory.models import Value
from tapgraph.tools.mobile import ocr
from tapgraph.tools.mobile.ocr import OcrLine, says, says_same
from tapgraph.tools.mobile.perception.icons import open_icon_namer
from tapgraph.tools.mobile.perception.recorded_actions import (
    RecordedAction,
    RecordedDeed,
    read_deed,
)
from tapgraph.tools.mobile.perception.recording import Recording
from tapgraph.tools.mobile.perception.segmenter import Segment

__all__ = ["admit_recording", "draft_of", "name_of"]

_LONGEST_NAME = 64
_LEAST_LETTERS = 3
_NO_LETTER = re.compile(r"[\W\d_]+")


def admit_recording(
    recording: Recording,
    segments: Sequence[Segment],
    does: str,
    *,
    read_text: Callable[[Image.Image], Iterable[OcrLine]] = ocr.read_text,
) -> Admission:
    """The shortcut of what was done in some segments, as it may be kept.

    Args:
        recording: its frames.
        segments: what was done in them, in order.
        does: what that does, in the user's words.
        read_text: reads a frame; by default by the extra `ocr`.

    Raises:
        UsageError: there is none that may be kept; the sentence says why.
        ExtraMissing: the extra `ocr` or `vision` is not installed.
    """
    deed = read_deed(
        recording,
        segments,
        most=MOST_STEPS,
        read_text=read_text,
        name_icon=open_icon_namer().sure_kind,
    )
    try:
        return admit_shortcut(draft_of(deed, does), ACTION_ARGUMENTS)
    except ValidationError as error:
        raise UsageError(error.errors()[0]["msg"]) from error


def name_of(does: str) -> str:
    """A shortcut's name from what it does.

    >>> name_of("Turn on dark mode"), name_of("打开"), name_of("2 eggs")
    ('Turn_on_dark_mode', 'Recorded', 'Recorded_2_eggs')
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", does).strip("_")
    name = name if name[:1].isalpha() else f"Recorded_{name}".rstrip("_")
    return name[:_LONGEST_NAME].rstrip("_")


def draft_of(deed: RecordedDeed, does: str) -> ShortcutDraft:
    """The actions of a recording as a shortcut that does what the user says."""
    arguments: list[str] = []
    example: dict[str, Value] = {}
    steps: list[ShortcutStep] = []
    for action in deed.actions:
        if action.kind == "type":
            arguments.append(f"text_{len(arguments) + 1}" if arguments else "text")
            if action.words:
                example[arguments[-1]] = action.words
            if action.replaces:
                steps.append(ShortcutStep(action_name="Clear_Text"))
            steps.append(ShortcutStep(action_name="Type", arguments_map={"text": arguments[-1]}))
        else:
            steps.append(_step(action))
    first = steps[0].target
    return ShortcutDraft(
        name=name_of(does),
        arguments=tuple(arguments),
        description=does,
        precondition="None." if first is None else "The page that the recording begins with.",
        steps=tuple(steps),
        requires=None if first is None else Condition(shows=(first,)),
        ensures=_ensures(deed, [str(value) for value in example.values()]),
        example=example,
    )


def _step(action: RecordedAction) -> ShortcutStep:
    match action.kind:
        case "open":
            return ShortcutStep(action_name="Open_App", arguments_map={"app_name": action.words})
        case "scroll":
            return ShortcutStep(action_name="Swipe", arguments_map={"direction": action.direction})
        case "tap":
            target = StepTarget(
                text=action.words,
                index=action.index,
                equals=action.equals,
                place=action.place or (0.5, 0.5),
            )
            return ShortcutStep(action_name="Tap", target=target)
        case _:
            return ShortcutStep(action_name="Back")


def _ensures(deed: RecordedDeed, typed: Sequence[str]) -> Condition | None:
    """The uppermost words of the last screen that are neither on the first one nor typed."""
    for words in deed.ends:
        is_new = not any(says_same(old, words) for old in deed.begins)
        is_new = is_new and not any(says(words, one) for one in typed)
        is_word = len(_NO_LETTER.sub("", words)) >= _LEAST_LETTERS
        if is_new and is_word and not private_part(words):
            return Condition(shows=(StepTarget(text=words),))
    return None
