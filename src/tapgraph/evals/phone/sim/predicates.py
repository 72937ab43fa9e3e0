"""Rubrics over the databases of the apps, the screen, and what the user is told.

Names of apps, entities and columns are those of the kit's apps; values come from the draw and go
into queries as parameters only.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

from tapgraph.evals.suite import Evidence, Finding, Rubric
from tapgraph.tools.mobile.simulator.kit import Record, Value

__all__ = [
    "Fact", "all_of", "any_of", "app_in_front",
    "did", "fact_in", "in_front", "kept", "note_says", "says", "tells", "there_are", "there_is",
    "there_is_no", "thing_says", "value_is",
]  # fmt: skip

Fact: TypeAlias = str | tuple[str, ...]
"""Words that a text must have, or several spellings of which one is enough."""


def there_is(name: str, app: str, entity: str, /, **values: Value) -> Rubric:
    """At least one thing with these values."""
    return Rubric(name, lambda seen: _found(seen, app, entity, values, least=1))


def there_are(name: str, app: str, entity: str, count: int, /, **values: Value) -> Rubric:
    """Just so many things with these values."""
    return Rubric(name, lambda seen: _found(seen, app, entity, values, least=count, most=count))


def there_is_no(name: str, app: str, entity: str, /, **values: Value) -> Rubric:
    """No thing with these values."""
    return Rubric(name, lambda seen: _found(seen, app, entity, values, least=0, most=0))


def value_is(name: str, app: str, thing: Record, column: str, wanted: Value) -> Rubric:
    """A column of a thing has this value."""
    return there_is(name, app, thing.entity.name, **{"id": thing.id, column: wanted})


def kept(name: str, app: str, things: Sequence[Record], *columns: str) -> Rubric:
    """All of these things are still there, and these columns of them are as they were."""
    parts = [
        there_is(
            thing.title,
            app,
            thing.entity.name,
            **{"id": thing.id, **{column: thing.values[column] for column in columns}},
        )
        for thing in things
    ]
    return all_of(name, *parts)


def thing_says(
    name: str,
    app: str,
    entity: str,
    column: str,
    /,
    *facts: Fact,
    but_not: Sequence[Fact] = (),
    **values: Value,
) -> Rubric:
    """A thing with these values whose column has all the facts, and none of what would be wrong."""

    def holds(seen: Evidence) -> Finding:
        where = " AND ".join(f'"{key}" = ?' for key in values) or "1"
        query = f'SELECT "{column}" FROM "{entity}" WHERE {where}'  # noqa: S608 - our own names
        rows = seen.rows(app, query, *values.values())  # type: ignore[arg-type]
        found = [says(str(row[0]), facts, but_not) for row in rows]
        why = "; ".join(one.why for one in found) or f"no {entity} in {app} with {values}"
        return Finding(any(one.holds for one in found), why)

    return Rubric(name, holds)


def all_of(name: str, *parts: Rubric) -> Rubric:
    """All parts hold, as one rubric: such as that one thing was changed, and no other."""

    def holds(seen: Evidence) -> Finding:
        found = [(part, part.check(seen)) for part in parts]
        broken = [
            f"{part.name}: {one.why}" for part, one in found if one is not None and not one.holds
        ]
        return Finding(not broken, "; ".join(broken))

    return Rubric(name, holds)


def any_of(name: str, *parts: Rubric) -> Rubric:
    """One part at least holds: such as that one of the pages was opened that show a thing."""

    def holds(seen: Evidence) -> Finding:
        found = [one for part in parts if (one := part.check(seen)) is not None]
        return Finding(any(one.holds for one in found), "; ".join(one.why for one in found))

    return Rubric(name, holds)


def did(name: str, app: str, kind: str, thing: Record | None = None, *, detail: str = "") -> Rubric:
    """The app recorded this event: of the thing, with a detail that has this text in it."""

    def holds(seen: Evidence) -> Finding:
        rows = seen.rows(app, "SELECT subject, detail FROM events WHERE kind = ?", kind)
        hits = [
            row
            for row in rows
            if (thing is None or str(row[0]) == str(thing.id))
            and detail.casefold() in f"{row[0]} {row[1]}".casefold()
        ]
        return Finding(bool(hits), f"{len(hits)} of {len(rows)} events {kind!r} of {app}")

    return Rubric(name, holds)


def app_in_front(name: str, app: str) -> Rubric:
    """The app is in front, whatever it shows."""

    def holds(seen: Evidence) -> Finding:
        front = seen.screen.app if seen.screen is not None else None
        label = front.label if front is not None else "nothing"
        return Finding(label == app, f"in front is {label}")

    return Rubric(name, holds)


def in_front(name: str, app: str, page: str, thing: Record | None = None) -> Rubric:
    """The app is in front with this page, which is no tab, and the page is about the thing."""

    def holds(seen: Evidence) -> Finding:
        query = "SELECT subject FROM events WHERE kind = ? ORDER BY id DESC LIMIT 1"
        rows = seen.rows(app, query, f"{page}_opened")
        front = seen.screen.app if seen.screen is not None else None
        where = f"{front.label} {front.activity}" if front is not None else "nothing"
        is_page = where == f"{app} .{page.title()}Page"
        is_it = thing is None or (bool(rows) and str(rows[0][0]) == str(thing.id))
        return Finding(is_page and is_it, f"in front is {where}, about {rows}")

    return Rubric(name, holds)


def tells(name: str, *facts: Fact, but_not: Sequence[Fact] = ()) -> Rubric:
    """The user's answer has all the facts, and none of what would be a wrong one."""
    return Rubric(name, lambda seen: says(seen.answer, facts, but_not))


def note_says(name: str, *facts: Fact, but_not: Sequence[Fact] = (), title: str = "") -> Rubric:
    """A note that has all the facts, and none of what would be wrong there."""

    def holds(seen: Evidence) -> Finding:
        notes = [
            f"{one_title}\n{body}"
            for one_title, body in seen.rows("Notes", "SELECT title, body FROM notes")
            if not title or str(one_title).strip().casefold() == title.casefold()
        ]
        for note in notes:
            found = says(note, facts, but_not)
            if found.holds:
                return found
        return Finding(False, f"none of {len(notes)} notes has {', '.join(map(repr, facts))}")

    return Rubric(name, holds)


def says(text: str, facts: Sequence[Fact], but_not: Sequence[Fact] = ()) -> Finding:
    """Whether a text has all facts and nothing of what would be wrong.

    >>> says("At 6 pm.", [("18:00", "6 pm")]).holds, says("6 pm", ["6 pm"], [("6", "pm")]).holds
    (True, False)
    """
    missing = [fact for fact in facts if not _has(text, fact)]
    wrong = [fact for fact in but_not if _has(text, fact)]
    told = f"lacks {missing}" if missing else f"has {wrong}" if wrong else "says it"
    return Finding(not missing and not wrong, f"{text[:200]!r} {told}")


def _has(text: str, fact: Fact) -> bool:
    return any(fact_in(one, text) for one in ((fact,) if isinstance(fact, str) else fact))


def fact_in(fact: str, text: str) -> bool:
    """Whether a fact stands in a text as a whole word, whatever case, blanks and `$` there are.

    >>> fact_in("12.50", "It costs $12.50."), fact_in("2.50", "It costs $12.50.")
    (True, False)
    >>> fact_in("1,250", "1250 votes"), fact_in("Ann  Lee", "for ann lee")
    (True, True)
    """
    wanted, said = _plain(fact), _plain(text)
    return re.search(rf"(?<![\w.]){re.escape(wanted)}(?!\w|[.,]\d)", said) is not None


def _plain(text: str) -> str:
    without_commas = re.sub(r"(?<=\d),(?=\d{3})", "", text.casefold().replace("$", ""))
    return " ".join(without_commas.split())


def _found(
    seen: Evidence,
    app: str,
    entity: str,
    values: dict[str, Value],
    *,
    least: int,
    most: int | None = None,
) -> Finding:
    where = " AND ".join(f'"{column}" = ?' for column in values) or "1"
    query = f'SELECT count(*) FROM "{entity}" WHERE {where}'  # noqa: S608 - names of our own apps
    rows = seen.rows(app, query, *values.values())  # type: ignore[arg-type]
    count = int(rows[0][0])
    is_right = count >= least and (most is None or count <= most)
    return Finding(is_right, f"{count} of {entity} in {app} with {values}")
