"""What may enter the memory: nothing private, nothing foreign unmarked, nothing that cannot work.

Whatever an agent proposes passes here, and whatever is read from a file. Foreign words are what a
screen or a service said: they may be an attempt to give the agent orders, so that an entry which
repeats them is marked, and shown to no agent before a person has vouched for it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tapgraph.errors import UsageError
from tapgraph.memory.models import ShortcutDraft, ShortcutStep, TipDraft, Value
from tapgraph.memory.shortcut_check import ActionArguments, checked_draft
from tapgraph.memory.words import words_of

__all__ = [
    "LONGEST_DESCRIPTION",
    "MOST_STEPS",
    "Admission",
    "ForeignWords",
    "admit_shortcut",
    "check_tip",
    "private_part",
]

_LONGEST_TIP = 400
LONGEST_DESCRIPTION = 300
MOST_STEPS = 12
_FOREIGN_IN_A_ROW = 4
"""So many words in the order of a screen are a quotation; fewer may be the names of its buttons."""
_RETOLD_WORDS = 2
"""So many words of a screen in any order, and a third of a tip's, are the same told otherwise."""
_STEM = 4
_WORD = re.compile(r"[^\W_]+")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
_NUMBER = re.compile(r"\+?\d(?:[ ()./-]{0,2}\d){6,18}")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_CARD_DIGITS = range(13, 20)


@dataclass(frozen=True, slots=True)
class Admission:
    """A shortcut as it may be kept, and what was put right for that."""

    draft: ShortcutDraft
    repairs: tuple[str, ...] = ()


class ForeignWords:
    """What screens and services said in a run, by where they said it."""

    def __init__(self, said: Mapping[str, Iterable[str]], *, task: str = "") -> None:
        """Take texts by their origin, such as `a screen of com.example`, and the user's words."""
        self._task = _stems(task)
        self._sentences: dict[frozenset[str], str] = {}
        self._runs: dict[tuple[str, ...], str] = {}
        self._texts: dict[tuple[str, ...], str] = {}
        for origin, texts in said.items():
            for text in texts:
                words = _words(text)
                for start in range(len(words) - _FOREIGN_IN_A_ROW + 1):
                    self._runs.setdefault(words[start : start + _FOREIGN_IN_A_ROW], origin)
                if len(words) > 1:
                    self._texts.setdefault(words, origin)
                if len(words) > _FOREIGN_IN_A_ROW:
                    self._sentences.setdefault(_stems(text) - self._task, origin)

    def origins(self, *texts: str) -> tuple[str, ...]:
        """Where words of the texts were said; a link comes from nowhere else than outside."""
        found: dict[str, None] = {}
        for text in texts:
            words = _words(text)
            for start in range(len(words) - _FOREIGN_IN_A_ROW + 1):
                origin = self._runs.get(words[start : start + _FOREIGN_IN_A_ROW])
                if origin is not None:
                    found[origin] = None
            if words in self._texts:
                found[self._texts[words]] = None
            if _LINK.search(text):
                found["a link"] = None
        return tuple(found)

    def retold(self, text: str) -> tuple[str, ...]:
        """Where something was said that the text may say in other words."""
        ours = _stems(text) - self._task
        least = max(_RETOLD_WORDS, len(ours) / 3)
        found = (origin for said, origin in self._sentences.items() if len(ours & said) >= least)
        return tuple(dict.fromkeys(found))


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:_STEM] for word in words_of(text))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def private_part(text: str, secrets: Collection[str] = ()) -> str:
    """What kind of private thing the text holds; empty for none.

    Args:
        text: what is to be kept.
        secrets: what was typed into password fields.

    >>> private_part("Pay with 4111 1111 1111 1111"), private_part("Call +49 30 1234567")
    ('a card number', 'a phone number')
    >>> private_part("Tap 12 times"), private_part("hunter2 works", {"hunter2"})
    ('', 'a password')
    """
    if any(secret and secret in text for secret in secrets):
        return "a password"
    if _MAIL.search(text):
        return "an e-mail address"
    for found in _NUMBER.findall(_DATE.sub("", text)):
        digits = [int(one) for one in found if one.isdigit()]
        if len(digits) in _CARD_DIGITS and _is_card(digits):
            return "a card number"
        return "a phone number"
    return ""


def _is_card(digits: list[int]) -> bool:
    """Luhn's check (ISO/IEC 7812)."""
    doubled = [d * 2 - 9 * (d > 4) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def check_tip(draft: TipDraft, secrets: Collection[str] = ()) -> None:
    """Return when a tip may be kept.

    Raises:
        UsageError: it is too long, or holds something private.
    """
    if len(draft.text) > _LONGEST_TIP:
        raise UsageError(f"a learnt tip has at most {_LONGEST_TIP} characters")
    if kind := private_part(f"{draft.text} {draft.because}", secrets):
        raise UsageError(f"the tip holds {kind}, and nothing private is kept")


def admit_shortcut(
    draft: ShortcutDraft,
    actions: Mapping[str, ActionArguments],
    *,
    secrets: Collection[str] = (),
) -> Admission:
    """A proposed shortcut, repaired where that is possible without guessing.

    Raises:
        UsageError: it is of no use, fits only one screen, is too long, or holds something private.
    """
    if len(draft.description) > LONGEST_DESCRIPTION or len(draft.steps) > MOST_STEPS:
        raise UsageError(
            f"{draft.name}: a learnt shortcut has at most {MOST_STEPS} steps and "
            f"{LONGEST_DESCRIPTION} characters of description"
        )
    repairs: list[str] = []
    steps = list(draft.steps)
    touched: list[ShortcutStep] = []
    for step in draft.steps:
        is_touch = step.action_name in actions and actions[step.action_name].is_touch
        if is_touch and step in touched and step is draft.steps[-1]:
            steps.pop()
            repairs.append(f"the last {step.action_name} touches again what was touched before")
        touched.append(step)
    draft = draft.model_copy(update={"steps": tuple(steps)})
    if len(draft.steps) < 2:
        raise UsageError(f"{draft.name} is one action by another name")
    _check_points(draft, actions)
    for value in _literals(draft):
        if isinstance(value, str) and (kind := private_part(value, secrets)):
            raise UsageError(f"{draft.name} holds {kind}: it must be an argument")
    words = f"{draft.name} {draft.description} {draft.precondition}"
    if kind := private_part(words, secrets):
        raise UsageError(f"{draft.name}: its description holds {kind}")
    shown = {
        name: value
        for name, value in draft.example.items()
        if not private_part(str(value), secrets)
    }
    draft = checked_draft(draft.model_copy(update={"example": shown}), actions)
    return Admission(draft, tuple(repairs))


def _literals(draft: ShortcutDraft) -> Iterable[Value]:
    for step in (*draft.steps, *draft.reached_by):
        for value in step.arguments_map.values():
            if value not in draft.arguments:
                yield value
        if step.target is not None:
            yield step.target.text


def _check_points(draft: ShortcutDraft, actions: Mapping[str, ActionArguments]) -> None:
    """A point is right only as an argument of the first touch: later screens are not known yet."""
    has_touched = False
    for step in draft.steps:
        points = [step.arguments_map[name] for name in _POINT if name in step.arguments_map]
        if fixed := [value for value in points if value not in draft.arguments]:
            raise UsageError(
                f"{draft.name}: {step.action_name} has the fixed place {fixed}, which is right on "
                "one screen only; it must name what it touches"
            )
        if points and has_touched:
            raise UsageError(
                f"{draft.name}: {step.action_name} is given a place on a screen that is not yet "
                "seen when the shortcut is called; it must name what it touches"
            )
        is_touch = step.action_name in actions and actions[step.action_name].is_touch
        has_touched = has_touched or is_touch


_POINT = ("x", "y", "x1", "y1", "x2", "y2")
