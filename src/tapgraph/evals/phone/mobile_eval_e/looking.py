"""What an agent opened, searched for and looked at, as the apps record it."""

from collections.abc import Callable, Collection, Sequence

from tapgraph.evals.phone.sim.predicates import Fact, any_of, did, in_front
from tapgraph.evals.suite import Evidence, Finding, Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = [
    "ends_at", "events", "is_named", "listed", "looked_at", "noted", "notes", "open_app",
    "opened", "searched", "searches", "seen_things",
]  # fmt: skip


def open_app(app: str) -> Aim:
    """Be in the app, whatever it shows."""
    return Aim(words=f"Open {app}", app=app)


def opened(app: str, first_page: str) -> Rubric:
    """The app showed its first page."""
    return did(f"{app} was opened", app, f"{first_page}_opened")


def searched(name: str, app: str, *parts: Fact, but_not: tuple[str, ...] = ()) -> Rubric:
    """A search in the app has all these pieces of words, and none of what would be wrong.

    Of a piece with several spellings one is enough.
    """

    def holds(seen: Evidence) -> Finding:
        queries = searches(seen, app)
        fit = [one for one in queries if is_named(one, *parts) and not is_named(one, but_not)]
        return Finding(bool(fit), f"of the searches {queries} in {app}, {fit} fit")

    return Rubric(name, holds)


def is_named(text: str, *parts: Fact) -> bool:
    """Whether all pieces of words stand in a text.

    >>> is_named("Bakeries near me", "baker"), is_named("Cafes", ("baker", "bread"))
    (True, False)
    """
    told = text.casefold()
    spelled = [(part,) if isinstance(part, str) else part for part in parts]
    return all(any(one.casefold() in told for one in spellings) for spellings in spelled)


def listed(
    name: str,
    app: str,
    find: Callable[[str], Collection[int]],
    things: Sequence[Record],
    least: int,
) -> Rubric:
    """The results of one search in the app have at least so many of these things."""

    def holds(seen: Evidence) -> Finding:
        wanted = {one.id for one in things}
        most = max((len(wanted & set(find(one))) for one in searches(seen, app)), default=0)
        return Finding(most >= least, f"a search in {app} listed {most} of {len(wanted)}")

    return Rubric(name, holds)


def looked_at(
    name: str, app: str, page: str, things: Sequence[Record], *, least: int = 1
) -> Rubric:
    """The pages of at least so many of these things were opened."""

    def holds(seen: Evidence) -> Finding:
        met = seen_things(seen, app, page, things)
        return Finding(len(met) >= least, f"in {app} were opened {[one.title for one in met]}")

    return Rubric(name, holds)


def ends_at(name: str, app: str, page: str, things: Sequence[Record]) -> Rubric:
    """A page about one of these things is in front at the end."""
    return any_of(name, *(in_front(one.title, app, page, one) for one in things))


def noted(name: str, fits: Callable[[str], Finding]) -> Rubric:
    """A note, title and body, fits."""

    def holds(seen: Evidence) -> Finding:
        found = [fits(one) for one in notes(seen)]
        return next(
            (one for one in found if one.holds),
            found[-1] if found else Finding(False, "there is no note"),
        )

    return Rubric(name, holds)


def notes(seen: Evidence) -> list[str]:
    """Title and body of each note."""
    rows = seen.rows("Notes", "SELECT title, body FROM notes ORDER BY id")
    return [f"{title}\n{body}" for title, body in rows]


def searches(seen: Evidence, app: str) -> list[str]:
    """All that was searched for in the app."""
    return [query for query, _ in events(seen, app, "search")]


def seen_things(seen: Evidence, app: str, page: str, things: Sequence[Record]) -> list[Record]:
    """Those whose pages were opened, the last one last."""
    numbers = [number for number, _ in events(seen, app, f"{page}_opened")]
    met = [one for one in things if str(one.id) in numbers]
    return sorted(met, key=lambda one: max(place for place, number in enumerate(numbers)
                                           if number == str(one.id)))  # fmt: skip


def events(seen: Evidence, app: str, kind: str) -> list[tuple[str, str]]:
    """Subject and detail of all events of a kind, the oldest first."""
    query = "SELECT subject, detail FROM events WHERE kind = ? ORDER BY id"
    return [(str(subject), str(detail)) for subject, detail in seen.rows(app, query, kind)]
