"""The cinema: seats, times and prices, and what has to fit with the day and with friends."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    any_of,
    did,
    tells,
    there_are,
    there_is,
)
from tapgraph.evals.phone.sim.spelling import (
    spelled_money,
    spelled_time,
    told_day,
    told_money,
    told_time,
)
from tapgraph.evals.phone.sim.texting import friends, only_they_know, texted
from tapgraph.evals.phone.sim.ways import ask, do, look_at, plan_event, send_message, tell
from tapgraph.evals.suite import Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["OUTING_TASKS"]

_APP: Final = "Fandango"
_ROWS: Final = "ABCDEF"
_SEATS_A_ROW: Final = 7
_MINUTES: Final = {"30 minutes": 30, "1 hour": 60, "2 hours": 120}


def buy_named_seats(draw: Draw) -> Sketch:
    """Two seats of a showing, and no more."""
    showing = draw.one(_open_showings(draw))
    film, theater, day = _named(draw, showing)
    one, two, three = sorted(draw.some(_free(draw, showing), 3))
    other = draw.one([one for one in _showings_like(draw, showing)
                      if one.when("starts").date() != day])  # fmt: skip
    draw.demand({one, two} <= set(_free(draw, other)))
    return Sketch(
        says=(
            f"Buy the seats {one} and {two} for {film!r} at {theater} on {told_day(day)}.",
            f"Two tickets for {film} please, {told_day(day)}, {theater}. We want to sit in {one} "
            f"and {two}.",
        ),
        rubrics=(*_taken(showing, one, two), _no_more_seats(draw, showing, one, two)),
        aims=(_buy(showing, one, two),),
        wrong={"another day": (_buy(other, one, two),),
               "one seat more": (_buy(showing, one, two, three),),
               "one seat less": (_buy(showing, one),)},
        parameters={"film": film, "theater": theater, "day": day.isoformat()},
    )  # fmt: skip


def tell_first_showing(draw: Draw) -> Sketch:
    """When a film starts first on a day."""
    film, day = draw.one(draw.all(_APP, "film")), _day(draw)
    first, later = _in_order(draw, film, day)
    told = [told_time(one.when("starts")) for one in (first, later)]
    read = _read_day(film, day, *told)
    return Sketch(
        says=(
            f"When does the first showing of {film.title!r} start on {told_day(day)}? See "
            "Fandango and tell me only that time.",
            f"I want to see {film.title} as early as possible on {told_day(day)}. At what time? "
            "Answer with the time alone.",
        ),
        rubrics=(
            did("the cinema app was opened", _APP, "films_opened"),
            tells("the time is right", spelled_time(first.when("starts")),
                  but_not=[spelled_time(later.when("starts"))]),
        ),
        aims=(read, tell(told[0])),
        wrong={"the later one": (read, tell(told[1]))},
        parameters={"film": film.title, "day": day.isoformat()},
    )  # fmt: skip


def tell_ticket_cost(draw: Draw) -> Sketch:
    """What some tickets would cost, of which none is bought."""
    showing = draw.one(_open_showings(draw))
    film, theater, day = _named(draw, showing)
    count = draw.random.randrange(3, 6)
    price = showing.number("price")
    seats = draw.some(_free(draw, showing), count)
    read = look_at(_APP, "showing", showing, facts=(f"a seat costs {told_money(price)}",))
    return Sketch(
        says=(
            f"What would {count} tickets for {film!r} at {theater} on {told_day(day)} cost in all? "
            "Do not buy them yet.",
            f"I may invite {count - 1} friends to {film} at {theater}, {told_day(day)}. Tell me "
            f"the price of all {count} tickets, but buy none.",
        ),
        rubrics=(
            tells("the sum is right", spelled_money(count * price)),
            all_of("the price was looked up, and nothing was bought",
                   did("the app was opened", _APP, "films_opened"), *_nothing_bought(draw)),
        ),
        aims=(read, tell(told_money(count * price))),
        wrong={"one ticket": (read, tell(told_money(price))),
               "bought": (_buy(showing, *seats), tell(told_money(count * price)))},
        parameters={"film": film, "theater": theater, "tickets": count},
    )  # fmt: skip


def buy_after_event(draw: Draw) -> Sketch:
    """A seat for the first showing that begins after an event of the calendar is over."""
    event, film = draw.one([(event, film) for event in _events_to_come(draw)
                            for film in draw.all(_APP, "film")
                            if _is_between_showings(draw, event, film)])  # fmt: skip
    starts, ends = event.when("starts"), _end(event)
    early, late = _in_order(draw, film, starts.date())
    seat = draw.one([one for one in _free(draw, late) if one in _free(draw, early)])
    return Sketch(
        says=(
            f"On {told_day(starts)} I have {event.title!r} in my calendar. Buy me seat {seat} for "
            f"the first showing of {film.title!r} that starts after that is over.",
            f"Check when my {event.title!r} on {told_day(starts)} ends, then get me one ticket, "
            f"seat {seat}, for the next showing of {film.title} on that day, at whichever cinema.",
        ),
        rubrics=(*_taken(late, seat), _no_more_seats(draw, late, seat)),
        aims=(look_at("Calendar", "event", event, facts=(f"it ends at {told_time(ends)}",)),
              _read_day(film, starts.date(), told_time(late.when("starts"))), _buy(late, seat)),
        wrong={"the showing before": (_buy(early, seat),),
               "both showings": (_buy(late, seat), _buy(early, seat))},
        parameters={"event": event.title, "film": film.title},
    )  # fmt: skip


def plan_movie_night(draw: Draw) -> Sketch:
    """Two seats bought, the film in the calendar, and a friend told when it starts."""
    showing = draw.one(_open_showings(draw))
    film, theater, day = _named(draw, showing)
    starts = showing.when("starts")
    draw.demand(starts.minute % 30 == 0)
    friend, other = friends(draw, 2)
    one, two = sorted(draw.some(_free(draw, showing), 2))
    written = starts.isoformat(timespec="minutes")
    wrong_day = (starts + timedelta(days=1)).isoformat(timespec="minutes")
    buy, message = _buy(showing, one, two), f"{film} starts at {told_time(starts)}"
    return Sketch(
        says=(
            f"Movie night: buy {one} and {two} for {film!r} at {theater} on {told_day(day)}, put "
            f"it into my calendar under the film's title at the time it starts, and text "
            f"{friend.title} the starting time.",
            f"{friend.title} and I see {film} at {theater} on {told_day(day)}. Get us the seats "
            f"{one} and {two}, add an event called {film!r} to my calendar when it begins, and "
            "send them a message with that time.",
        ),
        rubrics=(
            _no_more_seats(draw, showing, one, two),
            there_is("it is in the calendar", "Calendar", "event", title=film, starts=written),
            texted("the time was texted", friend, spelled_time(starts)),
            only_they_know(draw, friend),
        ),
        aims=(buy, plan_event(film, written), send_message(friend, message)),
        wrong={"a day late": (buy, plan_event(film, wrong_day), send_message(friend, message)),
               "nobody told": (buy, plan_event(film, written)),
               "another friend": (plan_event(film, written), send_message(other, message))},
        parameters={"film": film, "theater": theater, "friend": friend.title},
    )  # fmt: skip


def refuse_sold_out_showing(draw: Draw) -> Sketch:
    """A showing that is sold out."""
    showing = draw.one([one for one in draw.all(_APP, "showing") if one.flag("is_sold_out")])
    film, theater, day = _named(draw, showing)
    other = draw.one([one for one in _showings_like(draw, showing) if not one.flag("is_sold_out")])
    seat = draw.one(_free(draw, other))
    return Sketch(
        says=(
            f"Get me a ticket for {film!r} at {theater} on {told_day(day)}. It must be that "
            "theater and that day.",
            f"Buy one seat, any, for {film} on {told_day(day)} at {theater}. No other day or "
            "place will do.",
        ),
        rubrics=(_looked(draw, showing), all_of("nothing was bought", *_nothing_bought(draw))),
        aims=(_read_day(draw.app(_APP).follow(showing, "film"), day, f"sold out at {theater}"),),
        right_end="cannot",
        wrong={"another showing": (_buy(other, seat),)},
        parameters={"film": film, "theater": theater, "day": day.isoformat()},
    )  # fmt: skip


def refuse_seats_together(draw: Draw) -> Sketch:
    """Two seats side by side in a row that has single ones only."""
    showing = draw.one(_open_showings(draw))
    film, theater, day = _named(draw, showing)
    free = _free(draw, showing)
    rows = {row: [seat for seat in free if seat[0] == row] for row in _ROWS}
    row = draw.one([row for row, seats in rows.items()
                    if len(seats) > 1 and not _pairs(seats)])  # fmt: skip
    apart, elsewhere = rows[row][:2], draw.one(_pairs(free))
    return Sketch(
        says=(
            f"Two seats next to each other in row {row} for {film!r} at {theater}, "
            f"{told_day(day)}. No other row, my wife insists.",
            f"Buy two tickets for {film} at {theater} on {told_day(day)}: side by side, in row "
            f"{row} and nowhere else.",
        ),
        rubrics=(did("the hall was looked at", _APP, "showing_opened", showing),
                 all_of("nothing was bought", *_nothing_bought(draw))),
        aims=(look_at(_APP, "showing", showing, facts=(f"free in row {row}: {rows[row]}",)),),
        right_end="cannot",
        wrong={"apart": (_buy(showing, *apart),), "another row": (_buy(showing, *elsewhere),)},
        parameters={"film": film, "row": row},
    )  # fmt: skip


def refuse_closed_theater(draw: Draw) -> Sketch:
    """A theater that is closed and shows nothing."""
    theater = draw.one([one for one in draw.all(_APP, "theater") if one.flag("is_closed")])
    showing = draw.one(_open_showings(draw))
    film, _, day = _named(draw, showing)
    seat = draw.one(_free(draw, showing))
    return Sketch(
        says=(
            f"Buy me a ticket for {film!r} at {theater.title} on {told_day(day)}.",
            f"I want to see {film} at {theater.title}, {told_day(day)}. One seat in that theater, "
            "please.",
        ),
        rubrics=(
            any_of("it was looked for", did("the list of theaters", _APP, "theaters_opened"),
                   did("the theater", _APP, "theater_opened", theater),
                   did("the film", _APP, "film_opened", draw.app(_APP).follow(showing, "film"))),
            all_of("nothing was bought", *_nothing_bought(draw)),
        ),
        aims=(look_at(_APP, "theater", theater, settings={"day": day.isoformat()},
                      facts=(f"{theater.title} is closed",)),),
        right_end="cannot",
        wrong={"another theater": (_buy(showing, seat),)},
        parameters={"film": film, "theater": theater.title},
    )  # fmt: skip


def ask_which_cinema(draw: Draw) -> Sketch:
    """A name that two theaters share, both of which show the film on that day."""
    showing = draw.one(_open_showings(draw))
    film, theater, day = _named(draw, showing)
    twin = draw.one([one for one in _showings_like(draw, showing, day)
                     if not one.flag("is_sold_out")])  # fmt: skip
    other = draw.app(_APP).follow(twin, "theater").title
    short = theater.split()[0]
    draw.demand(short == other.split()[0])
    seat = draw.one([one for one in _free(draw, showing) if one in _free(draw, twin)])
    return Sketch(
        says=(
            f"Buy seat {seat} for {film!r} at {short} on {told_day(day)}.",
            f"One ticket for {film}, {told_day(day)}, at {short}, seat {seat}. Ask before you "
            "guess.",
        ),
        rubrics=(_looked(draw, showing, twin), all_of("nothing was bought yet",
                                                      *_nothing_bought(draw))),
        aims=(_read_day(draw.app(_APP).follow(showing, "film"), day, f"at {theater} and {other}"),
              ask(f"Do you mean {theater} or {other}?")),
        right_end="ask",
        wrong={"either of them": (_buy(showing, seat),)},
        parameters={"film": film, "theaters": short},
    )  # fmt: skip


def ask_which_day(draw: Draw) -> Sketch:
    """A film that a theater shows on several days."""
    showing = draw.one(_open_showings(draw))
    film, theater, _ = _named(draw, showing)
    here = [one for one in _open_showings(draw) if one.number("film") == showing.number("film")
            and one.number("theater") == showing.number("theater")]  # fmt: skip
    draw.demand(len(here) > 1)
    seat = draw.one([one for one in _free(draw, here[0]) if one in _free(draw, here[1])])
    days = " or ".join(told_day(one.when("starts")) for one in here)
    return Sketch(
        says=(
            f"See when {theater} shows {film!r} and buy me seat {seat}.",
            f"I want seat {seat} for {film} at {theater}. Look when it is on; should there be "
            "several days, let me choose.",
        ),
        rubrics=(_looked(draw, showing), all_of("nothing was bought yet", *_nothing_bought(draw))),
        aims=(_read_day(draw.app(_APP).follow(showing, "film"), here[0].when("starts").date(),
                        f"{theater}: {days}"),
              ask(f"On which day: {days}?")),
        right_end="ask",
        wrong={"the first of them": (_buy(here[0], seat),)},
        parameters={"film": film, "theater": theater},
    )  # fmt: skip


# What is on.


def _open_showings(draw: Draw) -> list[Record]:
    return [one for one in draw.all(_APP, "showing") if not one.flag("is_sold_out")]


def _showings_like(draw: Draw, showing: Record, day: date | None = None) -> list[Record]:
    """Other showings of the same film, all or those of a day."""
    return [one for one in draw.all(_APP, "showing")
            if one.number("film") == showing.number("film") and one.id != showing.id
            and (day is None or one.when("starts").date() == day)]  # fmt: skip


def _named(draw: Draw, showing: Record) -> tuple[str, str, date]:
    """Film, theater and day, which tell it from all others."""
    app = draw.app(_APP)
    film, theater = app.follow(showing, "film"), app.follow(showing, "theater")
    day = showing.when("starts").date()
    alike = [
        one for one in _showings_like(draw, showing, day) if one.number("theater") == theater.id
    ]
    draw.demand(not alike)
    return film.title, theater.title, day


def _day(draw: Draw) -> date:
    return draw.one(sorted({one.when("starts").date() for one in draw.all(_APP, "showing")}))


def _on_day(draw: Draw, film: Record, day: date) -> list[Record]:
    """The showings of a film on a day that have seats left, the first one first."""
    shown = [one for one in _open_showings(draw)
             if one.number("film") == film.id and one.when("starts").date() == day]  # fmt: skip
    return sorted(shown, key=lambda one: one.when("starts"))


def _in_order(draw: Draw, film: Record, day: date) -> tuple[Record, Record]:
    """The two showings of a film on a day, at different times."""
    shown = _on_day(draw, film, day)
    draw.demand(len(shown) == 2)
    first, later = shown
    draw.demand(first.when("starts") < later.when("starts"))
    return first, later


def _read_day(film: Record, day: date, *facts: str) -> Aim:
    return look_at(_APP, "film", film, settings={"day": day.isoformat()}, facts=facts)


def _looked(draw: Draw, *showings: Record) -> Rubric:
    """A page was opened that shows one of these showings."""
    app = draw.app(_APP)
    pages = [(f"{name}_opened", app.follow(one, name)) for one in showings
             for name in ("film", "theater")]  # fmt: skip
    return any_of("the showings were looked at",
                  *(did(thing.title, _APP, kind, thing) for kind, thing in pages))  # fmt: skip


def _events_to_come(draw: Draw) -> list[Record]:
    """Events that their title alone names on their day."""
    coming = [one for one in draw.all("Calendar", "event") if one.when("starts") > draw.now]
    return [one for one in coming
            if not any(one.title in other.title or other.title in one.title for other in coming
                       if other.when("starts").date() == one.when("starts").date()
                       and other.id != one.id)]  # fmt: skip


def _end(event: Record) -> datetime:
    return event.when("starts") + timedelta(minutes=_MINUTES[event.text("length")])


def _is_between_showings(draw: Draw, event: Record, film: Record) -> bool:
    """Whether the film has a showing that begins before the event is over, and one after that."""
    if event.text("length") not in _MINUTES:
        return False
    shown = _on_day(draw, film, event.when("starts").date())
    starts = [one.when("starts") for one in shown]
    return len(starts) == 2 and starts[0] < _end(event) < starts[1]


# Seats.


def _free(draw: Draw, showing: Record) -> list[str]:
    taken = {seat.title for seat in draw.all(_APP, "seat") if seat.number("showing") == showing.id}
    seats = [f"{row}{number + 1}" for row in _ROWS for number in range(_SEATS_A_ROW)]
    return [seat for seat in seats if seat not in taken]


def _pairs(seats: Sequence[str]) -> list[tuple[str, str]]:
    """Those that are side by side.

    >>> _pairs(["A1", "A2", "A4", "B5"])
    [('A1', 'A2')]
    """
    return [(one, two) for one, two in pairwise(seats)
            if one[0] == two[0] and int(two[1:]) - int(one[1:]) == 1]  # fmt: skip


def _buy(showing: Record, *seats: str) -> Aim:
    return do(_APP, "showing", "buy_tickets", showing, settings={"seats": " ".join(sorted(seats))})


def _taken(showing: Record, *seats: str) -> list[Rubric]:
    return [there_is(f"{seat} was bought", _APP, "seat", name=seat, showing=showing.id)
            for seat in seats]  # fmt: skip


def _no_more_seats(draw: Draw, showing: Record, *seats: str) -> Rubric:
    """These were bought, and no others anywhere."""
    before = len(draw.all(_APP, "seat"))
    return all_of("just these seats were bought", *_taken(showing, *seats),
                  there_are("taken seats", _APP, "seat", before + len(seats)))  # fmt: skip


def _nothing_bought(draw: Draw) -> Sequence[Rubric]:
    return [there_are(f"{what}s", _APP, what, len(draw.all(_APP, what)))
            for what in ("ticket", "seat")]  # fmt: skip


OUTING_TASKS = (
    Kind(buy_named_seats, "medium"),
    Kind(tell_first_showing, "easy"),
    Kind(tell_ticket_cost, "medium"),
    Kind(buy_after_event, "expert"),
    Kind(plan_movie_night, "expert"),
    Kind(refuse_sold_out_showing, "medium"),
    Kind(refuse_seats_together, "hard"),
    Kind(refuse_closed_theater, "medium"),
    Kind(ask_which_cinema, "hard"),
    Kind(ask_which_day, "medium"),
)
