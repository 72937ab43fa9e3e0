"""Which installed app a person or a model means by a name."""

import difflib
import re
import unicodedata
from collections.abc import Sequence

from tapgraph.errors import AppNotFound
from tapgraph.tools.mobile.device import AppInfo

__all__ = ["match_app"]

_FILLERS = frozenset({"app", "application", "the", "open"})
_LEAST_LIKENESS = 0.8
_LEAST_SHARED = 0.5
_NAMED_IN_ERROR = 3


def match_app(apps: Sequence[AppInfo], wanted: str) -> AppInfo:
    """The app that `wanted` names: its label, its package, a part of its label or nearly its label.

    Case, accents, punctuation and words such as "app" do not matter.

    Raises:
        AppNotFound: no app fits, or several fit equally well; the text names the closest labels.

    >>> apps = [AppInfo("com.shop", "Amazon Shopping"), AppInfo("com.maps", "Maps")]
    >>> match_app(apps, "google maps").package, match_app(apps, "the amazon app").package
    ('com.maps', 'com.shop')
    """
    for app in apps:
        if app.package == wanted.strip():
            return app
    words = _words(wanted)
    scores = {app.package: _score(words, app) for app in apps}
    best = max(scores.values(), default=0.0)
    found = [app for app in apps if scores[app.package] == best]
    if best == 0.0 or not words:
        closest = sorted(apps, key=lambda app: -_likeness(words, _words(app.label)))
        raise AppNotFound(f"no app is called {wanted!r}{_listed('; the closest are', closest)}")
    if len(found) > 1:
        raise AppNotFound(f"{wanted!r} fits several apps{_listed(': ', found)}; give a whole name")
    return found[0]


def _listed(introduction: str, apps: Sequence[AppInfo]) -> str:
    if not apps:
        return "; no apps are installed"
    labels = ", ".join(repr(app.label) for app in apps[:_NAMED_IN_ERROR])
    return f"{introduction.rstrip()} {labels}"


def _words(name: str) -> tuple[str, ...]:
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", name)
        if not unicodedata.combining(character)
    )
    words = tuple(re.findall(r"\w+", plain.casefold()))
    return tuple(word for word in words if word not in _FILLERS) or words


def _likeness(words: tuple[str, ...], label: tuple[str, ...]) -> float:
    """How alike two names are, letter by letter, 0 to 1."""
    return difflib.SequenceMatcher(None, "".join(words), "".join(label)).ratio()


def _score(words: tuple[str, ...], app: AppInfo) -> float:
    """How well an app fits, 0 for not at all; a whole name beats a part, a part a misspelling."""
    label = _words(app.label)
    if "".join(words) == "".join(label):
        return 3.0
    wanted, named = set(words), set(label)
    shared = len(wanted & named) / len(wanted | named) if wanted | named else 0.0
    if wanted and (wanted < named or (named < wanted and shared >= _LEAST_SHARED)):
        return 2.0 + (shared if named < wanted else 0.0)
    likeness = _likeness(words, label)
    return likeness if likeness >= _LEAST_LIKENESS else 0.0
