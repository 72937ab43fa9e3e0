"""The suite `sim`: the simulated phone's families of tasks, with parameters drawn by seed.

Each seed has a world of its own, which the instruction is drawn from. What is drawn is kept only
when the reference solution does it there and a phone that nobody touched does not pass, so every
task can be done and none is done already. What the reference changes is what a task allows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tapgraph.errors import UsageError
from tapgraph.evals.suite import MOST_STEPS, Evidence, Finding, Rubric, Suite, Task, Template
from tapgraph.tools.action_words import action_words
from tapgraph.tools.mobile.actions import OpenApp, action_to_wire
from tapgraph.tools.mobile.simulator.apps.settings import SWITCHES
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.state_dump import Change, difference
from tapgraph.tools.mobile.simulator.tasks import PhoneRecords, Solution, find_solution
from tapgraph.tools.mobile.simulator.tasks.player import Playthrough, follow_solution
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["sim_suite"]

_MOST_TRIES = 30
_SPARE_STEPS = 3
"""So many times the steps of the reference may be taken, or `MOST_STEPS` where those are more."""

Words = Callable[[Random, World], str]
"""An instruction with parameters from the world."""


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    level: str
    scenario: str
    words: Words


def sim_suite() -> Suite:
    """All families; `easy`, `medium` and `hard` are splits."""
    templates = tuple(Template(kind.name, _drawer(kind), kind.scenario) for kind in _KINDS)
    levels = dict.fromkeys(kind.level for kind in _KINDS)
    return Suite(
        "sim",
        templates,
        {level: tuple(one.name for one in _KINDS if one.level == level) for level in levels},
    )


def _drawer(kind: _Kind) -> Callable[[int], Task]:
    def draw(seed: int) -> Task:
        world = World.generate(seed)
        random = Random(f"{kind.name}/{seed}")
        for _ in range(_MOST_TRIES):
            task = _task(kind, kind.words(random, world), seed, world)
            if task is not None:
                return task
        raise UsageError(f"no task {kind.name!r} can be done in the world of seed {seed}")

    return draw


def _task(kind: _Kind, instruction: str, seed: int, world: World) -> Task | None:
    """The task, where it is open at the start and the reference solution does it."""
    solution = find_solution(instruction)
    if solution is None:
        raise TypeError(f"no family of tasks reads {instruction!r}")
    with build_phone(seed=seed) as phone:
        records = PhoneRecords(phone)
        open_at_start = solution.task.check(world, records).reasons
        before = phone.dump()
        played = follow_solution(phone, solution)
        changes = difference(before, phone.dump())
        is_done = played.is_complete and solution.task.check(world, records).ok
    if not open_at_start or not is_done:
        return None
    return Task(
        id=kind.name,
        instruction=instruction,
        rubrics=_rubrics(solution, world, tuple(dict.fromkeys(open_at_start))),
        level=kind.level,
        apps=_apps(played),
        allows=_changes_like(changes),
        reference=tuple(action_words(action_to_wire(step.move.action)) for step in played.steps),
        max_steps=max(MOST_STEPS, _SPARE_STEPS * len(played.steps)),
    )


def _rubrics(solution: Solution, world: World, at_start: tuple[str, ...]) -> tuple[Rubric, ...]:
    """One for each thing that the family's check misses on a phone that nobody touched.

    Where the check later misses something else (a wrong price in place of none), that is laid to
    the first of them that would hold else. So the share that holds is right, and a task is done
    exactly when all hold.
    """

    def rubric(place: int) -> Rubric:
        def holds(seen: Evidence) -> Finding:
            why = _missed(solution, world, seen, at_start)[place]
            return Finding(not why, why)

        return Rubric(f"no longer: {at_start[place]}", holds)

    return tuple(rubric(place) for place in range(len(at_start)))


def _missed(solution: Solution, world: World, seen: Evidence, at_start: Sequence[str]) -> list[str]:
    """For each rubric what is missing; empty where it holds."""
    if not isinstance(seen.state, PhoneRecords):
        raise UsageError("the suite 'sim' runs on the simulated phone only: --device sim")
    missing = solution.task.check(world, seen.state).reasons
    missed = [reason if reason in missing else "" for reason in at_start]
    for reason in missing:
        if reason not in at_start and "" in missed:
            missed[missed.index("")] = reason
    return missed


def _changes_like(reference: Sequence[Change]) -> Callable[[Change], bool]:
    """Rows made in tables where the reference makes some, and the rows that it changes itself."""
    alike = {_likeness(change) for change in reference}
    return lambda change: _likeness(change) in alike


def _likeness(change: Change) -> tuple[object, ...]:
    row = (change.app, change.table)
    return (*row, "made") if change.before is None else (*row, change.key, change.after is None)


def _apps(played: Playthrough) -> tuple[str, ...]:
    opened = [step.move.action for step in played.steps]
    return tuple(dict.fromkeys(one.app_name for one in opened if isinstance(one, OpenApp)))


def _turn_switch(random: Random, _world: World) -> str:
    entry = random.choice([entry for entry in SWITCHES if entry.phone is None])
    return f"Turn {'off' if entry.starts_on else 'on'} {entry.label} in the settings."


def _write_note(random: Random, _world: World) -> str:
    title = random.choice(("Shopping", "Saturday", "Ideas", "For Maria", "Garage"))
    text = random.choice((
        "Milk, eggs and 2 lemons",
        "Call the dentist before 4 pm",
        "Paint: two coats, warm white",
        "Return the books on Thursday",
    ))
    return f'Write a note called "{title}" with the text "{text}".'


def _show_way(random: Random, world: World) -> str:
    kind = random.choice(world.places).kind.lower()
    limit = random.choice(("3.5", "4.0", "4.2"))
    return f"Show me the way to the nearest {kind} that is rated higher than {limit} on Maps."


def _note_best_place(random: Random, world: World) -> str:
    kind = random.choice(world.places).kind.lower()
    return f"Find the highest-rated {kind} on Maps and save its name and phone number in a note."


def _note_sale(random: Random, world: World) -> str:
    shop = random.choice(("Walmart", "Amazon Shopping"))
    groceries = [
        product.name
        for product in world.products
        if product.shop == shop and product.category in {"Grocery", "Household"}
    ]
    plain = sorted({name.partition(",")[0].lower() for name in groceries if "&" not in name})
    items = random.sample(plain, 3)
    listed = f"{items[0]}, {items[1]} or {items[2]}"
    return f"Which of {listed} are on sale at {shop}? Note the prices."


def _sum_up_reviews(random: Random, world: World) -> str:
    product = random.choice([one for one in world.products if len(one.reviews) >= 3])
    return (
        f"Read three detailed reviews of the {product.name} on {product.shop} and note the "
        "general sentiment."
    )


def _find_deal(random: Random, world: World) -> str:
    product = random.choice([one for one in world.products if one.shop == "Best Buy"])
    return (
        f"Compare the price of a {product.name} at Best Buy and Walmart; open the page of the "
        "cheaper one."
    )


def _note_creators(random: Random, world: World) -> str:
    feed = random.choice(("Lemon8", "X"))
    topic = random.choice(world.trends(feed)).lower()
    return f"Note accounts on {feed} that have highly liked posts about {topic}."


def _note_sights(random: Random, world: World) -> str:
    city = random.choice(world.cities).name
    count = random.choice(("two", "three", "four", "five"))
    return f"Write the top {count} attractions in {city} on Tripadvisor into a note."


_KINDS = (
    _Kind("turn_switch", "easy", "phone", _turn_switch),
    _Kind("write_note", "easy", "phone", _write_note),
    _Kind("show_way", "medium", "places", _show_way),
    _Kind("note_best_place", "medium", "places", _note_best_place),
    _Kind("note_sights", "medium", "places", _note_sights),
    _Kind("note_creators", "medium", "reading", _note_creators),
    _Kind("sum_up_reviews", "hard", "reading", _sum_up_reviews),
    _Kind("note_sale", "hard", "shopping", _note_sale),
    _Kind("find_deal", "hard", "shopping", _find_deal),
)
