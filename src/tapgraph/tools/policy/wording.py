"""What the words on a button are about, by the table of `risky_words.tsv`.

In a phrase of the table `…` stands for any words or none, `¤` for an amount of money, `#` for a
number, `№` for one like #12, and parentheses hold alternatives. A label is cut at punctuation and
at "and", as cards put many labels into one; each part is read without case, accents and leading
words ("Yes, …", "Slide to …"). The kinds of phrases are the risks and

- `act` and `deal`: a verb that commits, at the start or the end of a part, and nouns of what it
  commits to, by their risk ("Confirm the appointment", "Termin verbindlich bestätigen"); so do
  `end` and `tie`, for what is given up ("Quitter le groupe"), and `act` or `stake` and an amount,
- `free`: a part that fits is none of its language's commands ("Order history", "Don't allow"),
- `lead`: words that may stand before a command, `now`: after it,
- `yes`, `no`: words that agree to whatever the screen asks, or do not,
- `name …`: words at the start or end of a programmer's name, by their risk,
- `code`, `payment`, `loss`: words of a screen that asks for a one-time code, that shows what is
  paid, or that warns of what is lost for good.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tapgraph.tools.policy.plain_label import plain_label, without_accents
from tapgraph.tools.policy.risk import RISKS, Risk
from tapgraph.tools.policy.table import phrase_rows, phrases

__all__ = [
    "asks_for_code",
    "risk_of",
    "risk_of_name",
    "says_no",
    "says_yes",
    "shows_payment",
    "tells_of_loss",
]

_LONGEST_PART_WORDS = 9
_LONGEST_PART_SIGNS = 24
"""Of scripts without blanks."""
_SENTENCE_WORDS = 4
_LONGEST_PART = 160
_BREAK = re.compile(
    '([,;:|\u00b7\u2022\n\r\t\u2013\u2014\u2192>(){}\\[\\]"\u201c\u201d\u201e\u00ab\u00bb\u2026!?'
    "\u00a1\u00bf/*+=\u3001\u3002\u30fb\u300c\u300d\u300e\u300f\u3010\u3011]"
    r"|\s-\s|(?<!\b\w)\.(?=\s|$))"
)
_NO_BLANKS = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_NAME_PARTS = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+")
_NO_LANGUAGES = frozenset({"*", "api"})
_WITHOUT_BLANKS = frozenset({"zh", "ja"})
_COMPOUNDING = frozenset({"de", "nl"})
"""Languages whose nouns may have others before them in one word."""
_INFLECTING = frozenset({"de", "nl", "pl", "ru", "tr"})
"""Languages whose nouns end in many ways."""
_COMMITMENTS: tuple[tuple[Risk, str, str], ...] = (
    ("pay", "act", "deal pay"),
    ("pay", "act", "amount"),
    ("pay", "stake", "amount"),
    ("send", "act", "deal send"),
    ("delete", "act", "deal delete"),
    ("delete", "end", "tie"),
)


@dataclass(frozen=True, slots=True)
class _Language:
    """A language's commands by their risk, and what is none."""

    commands: dict[Risk, re.Pattern[str]]
    free: re.Pattern[str]

    def risk_of(self, command: str) -> Risk | None:
        if self.free.fullmatch(command):
            return None
        fitting = (risk for risk, words in self.commands.items() if words.fullmatch(command))
        return next(fitting, None)


def risk_of(label: str) -> Risk | None:
    """The risk that the words name, None where no part of them is a risky command.

    >>> risk_of("2 items, Place your order ($31.98)"), risk_of("Ja, löschen"), risk_of("去支付")
    ('pay', 'delete', 'pay')
    >>> [risk_of(label) for label in ("Order history", "Don't allow", "Zuletzt gelöscht")]
    [None, None, None]
    """
    return _risk_of(plain_label(label))


def risk_of_name(resource_id: str) -> Risk | None:
    """The risk that a programmer's name for a button tells.

    >>> risk_of_name("com.shop:id/btn_placeOrder"), risk_of_name("com.shop:id/order_list")
    ('pay', None)
    """
    words = _words_of_name(resource_id)
    if words and words[-1] in phrases("name noun"):
        return None
    told = [word for word in words if word not in phrases("name filler")]
    while told and told[-1] in phrases("now"):
        told.pop()
    for risk in RISKS:
        if not {*told[:1], *told[-1:]}.isdisjoint(phrases(f"name {risk}")):
            return risk
    return _risk_of(" ".join(told))


def says_yes(label: str) -> bool:
    """Whether the words agree to whatever the screen asks.

    >>> [says_yes(label) for label in ("OK", "Onayla ve devam et", "Cancel and continue")]
    [True, True, False]
    """
    return any(
        all(_any_of("yes").fullmatch(half.strip()) for half in _and().split(part))
        for part in _parts(plain_label(label))
    )


def says_no(label: str, resource_id: str = "") -> bool:
    """Whether the words, or a name without words, leave undone what the screen asks.

    >>> says_no("Not now"), says_no("", "app:id/btn_cancel"), says_no("Nuke it")
    (True, True, False)
    """
    return any(
        any(map(_any_of("no").fullmatch, (part, *part.split()[:1])))
        or any(one.free.fullmatch(part) for one in _languages())
        for part in _parts(plain_label(label or " ".join(reversed(_words_of_name(resource_id)))))
    )


def tells_of_loss(text: str) -> bool:
    """Whether the words warn of something that is lost for good."""
    return _any_of("loss", whole=False).search(plain_label(text)) is not None


def _words_of_name(resource_id: str) -> list[str]:
    return [word.lower() for word in _NAME_PARTS.findall(resource_id.rpartition("/")[2])]


def asks_for_code(text: str) -> bool:
    """Whether the words are those of a screen that asks for a one-time code."""
    return _any_of("code", whole=False).search(plain_label(text)) is not None


def shows_payment(text: str) -> bool:
    """Whether the words are those of a screen that shows what is paid."""
    return _any_of("payment", whole=False).search(plain_label(text)) is not None


@functools.lru_cache(maxsize=4096)
def _risk_of(plain: str) -> Risk | None:
    for part in _parts(plain):
        *_, told = _unled(part)
        for language in _languages():
            if language.free.fullmatch(told):
                continue
            for command in _commands(part):
                risk = language.risk_of(command)
                if risk is not None:
                    return risk
    return None


def _parts(plain: str) -> Iterator[str]:
    """The parts of a label that are short enough for a command, and neither sentence nor heading.

    One word before a colon is a heading ("Tip: swipe to see more"), unless an amount follows.
    """
    split = _BREAK.split(plain)
    for part, end, after in zip(split[::2], [*split[1::2], ""], [*split[2::2], ""], strict=True):
        words = " ".join(part.split()) if len(part) <= _LONGEST_PART else ""
        count = len(words.split())
        is_sentence = end in {".", "\u3002"} and count >= _SENTENCE_WORDS
        is_heading = end == ":" and count == 1 and not after.strip().startswith("\u00a4")
        if _NO_BLANKS.search(words):
            is_short = len(words) <= _LONGEST_PART_SIGNS
        else:
            is_short = count <= _LONGEST_PART_WORDS
        if words and is_short and not is_sentence and not (is_heading and after.strip()):
            yield words


def _commands(part: str) -> Iterator[str]:
    """What may be a command in a part: all of it, its halves at "and" and around an amount."""
    halves = _and().split(part)
    pieces = [part, *(halves if len(halves) > 1 else ())]
    pieces += [side for piece in pieces if "¤" in piece for side in piece.split("¤")]
    for piece in pieces:
        words = piece.strip()
        for command in dict.fromkeys((words, _now().sub("", words))):
            if command:
                yield from _unled(command)


def _unled(words: str) -> Iterator[str]:
    """The words, and what is left when those that lead to a command are taken off one by one.

    Of "swipe to confirm ride" it is not the last that is a command.
    """
    yield words
    while (rest := _lead().sub("", words)) not in {"", words}:
        words = rest
        yield words


@functools.cache
def _languages() -> tuple[_Language, ...]:
    languages = dict.fromkeys(one for one, _ in phrase_rows() if one not in _NO_LANGUAGES)
    return tuple(
        _Language(
            {
                risk: _pattern_of((*phrases(risk, language=one), *_commitments(risk, one)))
                for risk in RISKS
            },
            _pattern_of(phrases("free", language=one)),
        )
        for one in languages
    )


def _commitments(risk: Risk, language: str) -> Iterator[str]:
    """Phrases for a verb that commits, first or last, with a noun of what it commits to."""
    for one, verb_kind, noun_kind in _COMMITMENTS:
        verbs = "|".join(phrases(verb_kind, language=language))
        if one != risk or not verbs:
            continue
        nouns = ("¤",) if noun_kind == "amount" else phrases(noun_kind, language=language)
        noun = f"({'|'.join(nouns)})"
        if language in _WITHOUT_BLANKS:
            yield f"({verbs}).*{noun}.*"
            yield f".*{noun}.*({verbs})"
            continue
        noun = f"([^ ]*{noun})" if language in _COMPOUNDING else f"([^ ]*')?{noun}"
        noun += r"\w*" if language in _INFLECTING else "(e?s)?"
        yield f"({verbs}) (.* )?{noun}( .*)?"
        yield f"(.* )?{noun} (.* )?({verbs})"


@functools.cache
def _lead() -> re.Pattern[str]:
    return re.compile(f"^{_pattern_of(phrases('lead')).pattern} ")


@functools.cache
def _now() -> re.Pattern[str]:
    return re.compile(rf"(?:\s{_pattern_of(phrases('now')).pattern})+$")


@functools.cache
def _and() -> re.Pattern[str]:
    return re.compile(rf"\s{_pattern_of(phrases('and')).pattern}\s|\s?&\s?")


@functools.cache
def _any_of(kind: str, *, whole: bool = True) -> re.Pattern[str]:
    """A pattern for the phrases of a kind; else one that finds them among other words."""
    pattern = _pattern_of(phrases(kind))
    # Scripts without blanks have no ends of words.
    letter = "[a-z0-9\u0400-\u04ff]"
    return pattern if whole else re.compile(f"(?<!{letter}){pattern.pattern}(?!{letter})")


def _pattern_of(some: Iterable[str]) -> re.Pattern[str]:
    """A pattern for each of the phrases; without any, one that nothing fits."""
    patterns = [_open(without_accents(phrase)) for phrase in some] or ["(?!)"]
    return re.compile(f"(?:{'|'.join(patterns)})")


def _open(phrase: str) -> str:
    """The phrase with a pattern for any words or none in the place of each `…`."""
    pattern = phrase.replace(" \u2026", "(?: .*)?")
    if pattern.startswith("\u2026 "):
        pattern = f"(?:.* )?{pattern[2:]}"
    return pattern.replace("\u2026", ".*")
