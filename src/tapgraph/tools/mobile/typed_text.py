"""Whether a field holds what was typed into it, though it may write it in a form of its own."""

import re
import unicodedata
from collections import Counter
from collections.abc import Set as AbstractSet
from itertools import takewhile

__all__ = ["is_form", "is_typed"]

_SCHEME = re.compile(r"(?:https?://)?(?:www\.)?", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s/@]+\.[^\s/@.]{2,}(?:/\S*)?")
_COUNTRY_CODE = re.compile(r"\s*\+\s*\d{1,3}(?P<rest>\D.*)?", re.DOTALL)
_NO_CENTS = re.compile(r"[.,\u066b]0{1,2}(?!\d)")
_GROUPED = re.compile(r"\s*\d{1,3}([.,' ])\d{3}(\1\d{3})*\s*")
_DATE = re.compile(r"\s*\d{1,4}([./-])\d{1,2}\1\d{1,4}\s*")
_NEGATIVE = re.compile(r"\s*-\s*\d")
_MASK = frozenset("-/()+ ")
"""What a form for numbers and codes leaves out or puts elsewhere."""
_LONGEST_UNIT = 8
"""Letters that a field for numbers shows with them: `kg`, `EUR`, `DDMMYYYY`."""
_SAME = str.maketrans({
    **dict.fromkeys("\u2212\u2013\u2014", "-"),
    **dict.fromkeys("\u2018\u2019\u201a", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
    "\u066b": ".",
    "\u066c": ",",
    "\u2026": "...",
    "\r": "\n",
})
_ONE_DECIMAL = re.compile(r"[.,]\d(?!\d)")
_PADDED_DECIMAL = re.compile(r"([.,]\d)0(?!\d)")
_PARTS = re.compile(r"\d{1,4}(?:[/:-]\d{1,4})+|\d{1,4}(?:\.\d{1,4}){2,}")
"""Dates and times, whose parts a field may fill up with zeros."""


def is_typed(typed: str, old: str, new: str) -> bool:
    """Whether `new` is `old` with `typed` put in anywhere, in the form that the field gives it.

    Case, and the marks of phone numbers, cards, amounts, dates, codes and addresses, are the
    field's. Letters and digits must all be there in their order, and so must the marks that give
    them their meaning: the sign and the decimal mark of a number, the `@` of an address, blanks
    between words.

    >>> is_typed("5551234567", "", "(555) 123-4567"), is_typed("a.org", "", "https://a.org/")
    (True, True)
    >>> is_typed("1.5", "", "15"), is_typed("-5", "", "5"), is_typed("two words", "", "twowords")
    (False, False, False)
    """
    typed, old, new = _plain(typed), _plain(old), _plain(new)
    if _is_put_in(typed, old, new):
        return True
    if not old and (_is_same_address(typed, new) or _has_same_parts(typed, new)):
        return True
    if _ONE_DECIMAL.search(typed):
        new = _PADDED_DECIMAL.sub(r"\1", new)
    letters, digits = _letters(typed), _digits(typed)
    if not (letters or digits) or not _keeps_marks(typed, old, new):
        return False
    if letters:
        return _is_put_in(_core(typed), _core(old), _core(new))
    # The field may add the code of the country, or keep it in a box of its own.
    has_code = ("+" in typed) != ("+" in new)
    return _has_only_units_beside(old, new) and any(
        _is_number_put_in(number, before, after)
        for number in _numbers(typed, has_code=has_code)
        for before in _numbers(old, has_code=has_code)
        for after in _numbers(new, has_code=has_code)
    )


def is_form(text: str) -> bool:
    """Whether a text is at most the form of an empty field: blanks, brackets, a zero.

    >>> is_form("(___) ___-____"), is_form("$0.00"), is_form("a"), is_form("\u2022\u2022")
    (True, True, False, False)
    """
    return all(one in "0_%-/().,:+ " or unicodedata.category(one) == "Sc" for one in text)


def _plain(text: str) -> str:
    """Composed, with one kind of line ends, blanks, digits and marks: keyboards differ in them."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).translate(_SAME)
    spaced = re.sub("[\u00a0\u202f\u2009]", " ", re.sub("-{2,}", "-", composed))
    return "".join(str(unicodedata.digit(one)) if one.isdecimal() else one for one in spaced)


def _core(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in folded if one.isalnum())


def _letters(text: str) -> str:
    return "".join(one for one in _core(text) if not one.isdecimal())


def _digits(text: str) -> str:
    return "".join(one for one in _core(text) if one.isdecimal())


def _numbers(text: str, *, has_code: bool) -> AbstractSet[str]:
    """The digits, also without cents that are zero and without the code of a country."""
    numbers = {_digits(text), _digits(_NO_CENTS.sub("", text))}
    if has_code and (code := _COUNTRY_CODE.match(text)):
        if code["rest"]:
            numbers.add(_digits(code["rest"]))
        else:
            digits = _digits(text)
            numbers |= {digits[length:] for length in (1, 2, 3) if len(digits) >= length + 6}
    return numbers


def _is_put_in(added: str, old: str, new: str) -> bool:
    """Whether `new` is `old` with `added` at some place."""
    if len(new) != len(old) + len(added):
        return False
    first, last = len(old) - _beginning(old[::-1], new[::-1]), _beginning(old, new)
    return any(new.startswith(added, place) for place in range(first, last + 1))


def _beginning(one: str, other: str) -> int:
    """How many characters both begin with."""
    alike = (mine == theirs for mine, theirs in zip(one, other, strict=False))
    return sum(1 for _ in takewhile(bool, alike))


def _is_number_put_in(number: str, old: str, new: str) -> bool:
    if not old.strip("0"):
        return bool(number) and number.lstrip("0") == new.lstrip("0")
    return _is_put_in(number, old, new)


def _has_only_units_beside(old: str, new: str) -> bool:
    before, after = Counter(_letters(old)), Counter(_letters(new))
    return after <= before if before else after.total() <= _LONGEST_UNIT


def _is_same_address(typed: str, new: str) -> bool:
    """Whether a browser completed or shortened a web address."""
    bare_typed, bare_new = (_SCHEME.sub("", one.strip(), count=1) for one in (typed, new))
    return _ADDRESS.fullmatch(bare_typed) is not None and bare_typed.casefold().rstrip(
        "/"
    ) == bare_new.casefold().rstrip("/")


def _has_same_parts(typed: str, new: str) -> bool:
    if not (_PARTS.fullmatch(typed.strip()) and _PARTS.fullmatch(new.strip())):
        return False
    mine, theirs = (list(map(int, re.findall(r"\d+", one))) for one in (typed, new))
    return mine == theirs


def _keeps_marks(typed: str, old: str, new: str) -> bool:
    if _NEGATIVE.match(typed) and "-" not in new:
        return False
    wanted = _marks(typed.strip())
    if _digits(typed):
        wanted = Counter({mark: count for mark, count in wanted.items() if mark not in _MASK})
    if _GROUPED.fullmatch(typed) or _DATE.fullmatch(typed) or _NO_CENTS.search(typed):
        del wanted["."]
        del wanted["'"]
    return wanted <= _marks(new) - _marks(old)


def _marks(text: str) -> Counter[str]:
    """What is neither letter nor digit; a comma counts as a point, blanks in a row as one."""
    blanks = re.sub(r"\s+", " ", text).replace(",", ".")
    return Counter(one for one in blanks if not one.isalnum())
