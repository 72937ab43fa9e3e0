"""Which installed app a person or a model means by a name."""

import difflib
import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from tapgraph.errors import AppNotFound
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.package_labels import NameRow, name_rows, names_of_package

__all__ = ["match_app", "told_apart"]

_Words: TypeAlias = tuple[str, ...]

_FILLERS = frozenset({
    "anwendung",
    "aplicacion",
    "aplicativo",
    "app",
    "application",
    "applicazione",
    "open",
    "the",
    "приложение",
})
_MAKERS: Mapping[str, re.Pattern[str]] = {
    "google": re.compile(r"^com\.google\."),
    "samsung": re.compile(r"^com\.(samsung|sec)\."),
    "xiaomi": re.compile(r"^com\.(miui|xiaomi|mi)\."),
    "mi": re.compile(r"^com\.(miui|xiaomi|mi)\."),
    "huawei": re.compile(r"^com\.(huawei|hihonor|hicloud)\."),
    "oppo": re.compile(r"^com\.(oppo|coloros|oplus|heytap)\."),
    "oneplus": re.compile(r"^(com|net)\.(oneplus|oplus)\."),
    "vivo": re.compile(r"^com\.(vivo|bbk)\."),
    "microsoft": re.compile(r"^com\.microsoft\."),
    "mozilla": re.compile(r"^org\.mozilla\."),
}
"""Words that name who made an app, and how their packages begin."""
_LEAST_LIKENESS = 0.85
_LEAST_LETTERS = 4
_NAMED_IN_ERROR = 3


def match_app(apps: Sequence[AppInfo], wanted: str) -> AppInfo:
    """The app that `wanted` names: its package, its label, or what else the app is called.

    Case, accents, punctuation and words such as "app" do not matter. A part of a label, a maker's
    name before it and a misspelling are enough, unless the name is that of a known app, which then
    is not installed: "Google Docs" never opens Google.

    Raises:
        AppNotFound: no app fits, or several fit equally well; the text names labels and packages
            of the closest.

    >>> apps = [AppInfo("com.shop", "Amazon Shopping"), AppInfo("com.maps", "Maps")]
    >>> match_app(apps, "google maps").package, match_app(apps, "the amazon app").package
    ('com.maps', 'com.shop')
    """
    readings = list(_readings(wanted))
    for app in apps:
        if app.package in readings:
            return app
    is_known = False
    for words in dict.fromkeys(map(_words, readings)):
        found = _best({app: _exactness(words, app) for app in apps})
        if found:
            return _only(found, wanted)
        is_known = words in _rows_by_name()
        if is_known:
            break
    words = _words(wanted, fillers=_FILLERS)
    found = [] if is_known else _best({app: _closeness(words, app) for app in apps})
    if found:
        return _only(found, wanted)
    if not apps:
        raise AppNotFound(f"no app is called {wanted!r}; no apps are installed")
    closest = sorted(apps, key=lambda app: -_likeness(words, app))
    raise AppNotFound(f"no app is called {wanted!r}; the closest are {_listed(closest)}")


def told_apart(apps: Sequence[AppInfo]) -> tuple[AppInfo, ...]:
    """The apps with their packages in the labels that several of them have.

    >>> told_apart([AppInfo("a.x", "Clock"), AppInfo("b.x", "Clock")])[1].label
    'Clock (b.x)'
    """
    labels = [app.label for app in apps]
    return tuple(
        AppInfo(app.package, f"{app.label} ({app.package})", app.activity)
        if labels.count(app.label) > 1
        else app
        for app in apps
    )


def _readings(wanted: str) -> Iterator[str]:
    """The name, without words such as "app", and both parts of `X (Twitter)`."""
    yield wanted.strip()
    yield " ".join(_words(wanted, fillers=_FILLERS))
    plain = unicodedata.normalize("NFKC", wanted)
    if parts := re.fullmatch(r"\s*([^()]+)\(([^()]+)\)\s*", plain):
        yield parts[1].strip()
        yield parts[2].strip()


def _best(scores: Mapping[AppInfo, float]) -> Sequence[AppInfo]:
    best = max(scores.values(), default=0.0)
    return [app for app, score in scores.items() if score == best] if best else []


def _only(found: Sequence[AppInfo], wanted: str) -> AppInfo:
    if len(found) > 1:
        raise AppNotFound(
            f"{wanted!r} fits several apps: {_listed(found)}; give the package of one"
        )
    return found[0]


def _listed(apps: Sequence[AppInfo]) -> str:
    return ", ".join(f"{_label(app)!r} ({app.package})" for app in apps[:_NAMED_IN_ERROR])


def _label(app: AppInfo) -> str:
    return app.label.removesuffix(f" ({app.package})")


def _names(app: AppInfo) -> Sequence[_Words]:
    """Its label, then what the table calls this package, or an app with this label."""
    label = _words(_label(app))
    rows = _rows_by_name().get(label, ())
    others = [*names_of_package(app.package), *(name for row in rows for name in row.names)]
    return (label, *map(_words, others))


def _exactness(words: _Words, app: AppInfo) -> float:
    """0 for another name; the label beats other names, and a known package an unknown one."""
    if not words:
        return 0.0
    letters = "".join(words)
    label, *others = ("".join(name) for name in _names(app))
    known = 0.5 if names_of_package(app.package) else 0.0
    if letters == label:
        return 2.0 + known
    return 1.0 + known if letters in others else 0.0


def _closeness(words: _Words, app: AppInfo) -> float:
    """0 for not at all; a maker's name before the label beats a part of it, that a misspelling."""
    wanted = set(words)
    if not wanted:
        return 0.0
    names = _names(app)
    for named in map(set, names):
        if named < wanted and all(_is_maker(word, app) for word in wanted - named):
            return 3.0
    if wanted < set(names[0]) and not wanted <= _MAKERS.keys():
        return 2.0
    likeness = max(_misspelt(words, name) for name in names)
    return likeness if likeness >= _LEAST_LIKENESS else 0.0


def _is_maker(word: str, app: AppInfo) -> bool:
    """Whether the word can name who made the app: not where the package names somebody else."""
    if word not in _MAKERS:
        return False
    makers = [maker for maker, packages in _MAKERS.items() if packages.match(app.package)]
    return not makers or word in makers


def _misspelt(words: _Words, name: _Words) -> float:
    """How alike the letters are in which two names differ, 0 to 1."""
    own = "".join(word for word in words if word not in name)
    others = "".join(word for word in name if word not in words)
    if min(len(own), len(others)) < _LEAST_LETTERS:
        return 0.0
    return difflib.SequenceMatcher(None, own, others).ratio()


def _likeness(words: _Words, app: AppInfo) -> float:
    letters = "".join(words)
    return max(
        difflib.SequenceMatcher(None, letters, "".join(name)).ratio() for name in _names(app)
    )


@functools.cache
def _rows_by_name() -> Mapping[_Words, Sequence[NameRow]]:
    rows: dict[_Words, list[NameRow]] = {}
    for row in name_rows():
        for words in dict.fromkeys(map(_words, row.names)):
            rows.setdefault(words, []).append(row)
    return rows


def _words(name: str, *, fillers: frozenset[str] = frozenset()) -> _Words:
    """The words, without case, accents and punctuation, and without `fillers` if others stay.

    Marks of scripts that write vowels with them stay.
    """
    plain = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", name)).casefold()
    plain = plain.replace("+", " plus ")
    shown = "".join(
        one if one.isalnum() or unicodedata.category(one).startswith("M") else " " for one in plain
    )
    words = tuple(shown.split())
    return tuple(word for word in words if word not in fillers) or words
