"""The calendar: events that are made, moved, deleted, counted and found."""

from datetime import date, timedelta
from typing import Final

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    did,
    kept,
    tells,
    there_are,
    there_is,
    there_is_no,
    value_is,
)
from tapgraph.evals.phone.sim.spelling import (
    spelled_count,
    spelled_day,
    spelled_time,
    told_day,
    told_time,
)
from tapgraph.evals.phone.sim.ways import do, look_at, tell
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["CALENDAR_TASKS"]

LENGTHS: Final = ("30 minutes", "1 hour", "2 hours")
COLUMNS: Final = ("title", "starts", "length", "place", "calendar", "reminder")


def _events_on(draw: Draw, day: date) -> list[Record]:
    return [one for one in draw.all("Calendar", "event") if one.when("starts").date() == day]


def _in_days(draw: Draw, days: int) -> date:
    return (draw.now + timedelta(days=days)).date()


def _look_at_day(day: date) -> Aim:
    return look_at("Calendar", "day", settings={"day": day.isoformat()})


def _others(draw: Draw, event: Record) -> list[Record]:
    return [one for one in draw.all("Calendar", "event") if one.id != event.id]


def _has_one_title(draw: Draw, event: Record) -> bool:
    """Whether its title names it on its day, and no part of another title does."""
    others = (one for one in _events_on(draw, event.when("starts").date()) if one.id != event.id)
    return not any(event.title in one.title or one.title in event.title for one in others)


def add_an_event(draw: Draw) -> Sketch:
    """A new event with title, day, time and length."""
    title = draw.one(("Piano lesson", "Tax adviser", "Swimming", "Lunch with Dana", "Vet"))
    day = draw.one([_in_days(draw, days) for days in range(2, 12)])
    time, length = draw.one(("09:30", "11:00", "14:30", "16:00", "19:00")), draw.one(LENGTHS)
    starts = f"{day.isoformat()}T{time}"
    late = f"{(day + timedelta(days=1)).isoformat()}T{time}"
    shown = {"title": title, "length": length}
    return Sketch(
        says=(
            f"Put {title!r} into my calendar for {told_day(day)} at {time}, for {length}.",
            f"New calendar entry: {title!r}, {told_day(day)}, {time}, lasts {length}.",
            f"I have {title!r} on {told_day(day)} at {time}. It takes {length}. Please add it to "
            "the calendar.",
        ),
        rubrics=(
            there_are("one event has the title", "Calendar", "event", 1, title=title),
            there_is("it starts then", "Calendar", "event", title=title, starts=starts),
            there_is("it is that long", "Calendar", "event", **shown),
        ),
        aims=(do("Calendar", "form", "save", settings={**shown, "starts": starts}),),
        wrong={"a day late": (do("Calendar", "form", "save", settings={**shown, "starts": late}),)},
        parameters={"title": title, "starts": starts, "length": length},
    )


def move_an_event(draw: Draw) -> Sketch:
    """An event gets another time; no second one is made."""
    today = draw.now.date()
    events = draw.all("Calendar", "event")
    event = draw.one([one for one in events if one.when("starts").date() > today])
    draw.demand(_has_one_title(draw, event))
    old = event.when("starts")
    new = old.replace(hour=draw.one([hour for hour in range(8, 20) if hour != old.hour]))
    written = new.isoformat(timespec="minutes")
    others = _others(draw, event)
    return Sketch(
        says=(
            f"My {event.title!r} on {told_day(old)} was moved to {told_time(new)}. Change that in "
            "the calendar.",
            f"Reschedule {event.title!r} on {told_day(old)} to {told_time(new)}, same day.",
        ),
        rubrics=(
            value_is("the event starts at the new time", "Calendar", event, "starts", written),
            all_of(
                "the event was moved, not doubled, and the rest of it and the others stay",
                value_is("starts", "Calendar", event, "starts", written),
                there_are("as many as before", "Calendar", "event", len(others) + 1),
                kept("its title and length", "Calendar", [event], "title", "length", "calendar"),
                kept("the others", "Calendar", others, "title", "starts"),
            ),
        ),
        aims=(do("Calendar", "form", "save", event, settings={"starts": written}),),
        wrong={
            "a second one": (do("Calendar", "form", "save",
                                settings={"title": event.title, "starts": written}),),
            "the next day too": (do("Calendar", "form", "save", event, settings={
                "starts": (new + timedelta(days=1)).isoformat(timespec="minutes")}),),
        },
    )  # fmt: skip


def count_events_of_a_day(draw: Draw) -> Sketch:
    """How many events a day has."""
    day = _in_days(draw, draw.random.randrange(2, 13))
    count = len(_events_on(draw, day))
    other = len(_events_on(draw, day + timedelta(days=1)))
    draw.demand(count > 0 and count != other)
    return Sketch(
        says=(
            f"How many events are in my calendar on {told_day(day)}? Just the number.",
            f"Tell me the number of appointments that I have on {told_day(day)}.",
        ),
        rubrics=(
            tells(f"the answer is {count}", spelled_count(count)),
            did("the calendar was opened", "Calendar", "day_opened"),
        ),
        aims=(_look_at_day(day), tell(f"On {told_day(day)}: {count}")),
        wrong={"the day after": (_look_at_day(day + timedelta(days=1)), tell(f"It is {other}."))},
    )


def find_the_next_event_of_a_calendar(draw: Draw) -> Sketch:
    """What comes next of one calendar, and when."""
    name = draw.one(("Personal", "Work", "Family"))
    coming = sorted(
        (one for one in draw.all("Calendar", "event") if one.when("starts") > draw.now),
        key=lambda one: one.text("starts"),
    )
    mine = [one for one in coming if one.text("calendar") == name]
    draw.demand(len(mine) > 1 and mine[0].id != coming[0].id)
    event, first = mine[0], coming[0]
    draw.demand(first.title not in event.title)
    starts = event.when("starts")
    draw.demand(mine[1].when("starts") != starts)
    told = f"{event.title}, {told_day(starts)}, {told_time(starts)}"
    return Sketch(
        says=(
            f'What is the next event of my calendar "{name}", on which date and at what time?',
            f"Look at my {name} calendar: which event comes next there? Tell me its title, date "
            "and time.",
        ),
        rubrics=(
            tells("the title is told", event.title, but_not=(first.title,)),
            tells("the day is told", spelled_day(starts)),
            tells("the time is told", spelled_time(starts)),
        ),
        aims=(look_at("Calendar", "agenda", settings={name: "on"}, facts=(told,)), tell(told)),
        wrong={"the next of all": (look_at("Calendar", "agenda"), tell(
            f"{first.title}, {told_day(first.when('starts'))}"))},
    )  # fmt: skip


def delete_one_of_several_events(draw: Draw) -> Sketch:
    """One of several events with a common word in their titles."""
    events = [one for one in draw.all("Calendar", "event") if one.when("starts") > draw.now]
    event = draw.one(events)
    twins = [one for one in events if one.title == event.title and one.id != event.id]
    draw.demand(bool(twins) and _has_one_title(draw, event))
    draw.demand(all(one.when("starts").date() != event.when("starts").date() for one in twins))
    day, others = event.when("starts"), _others(draw, event)
    return Sketch(
        says=(
            f"The {event.title!r} on {told_day(day)} is off. Take it out of my calendar, nothing "
            "else.",
            f"Delete the event {event.title!r} of {told_day(day)} from the calendar.",
        ),
        rubrics=(
            there_is_no("the event is gone", "Calendar", "event", id=event.id),
            all_of(
                "it is gone and all others are there",
                there_is_no("the event", "Calendar", "event", id=event.id),
                kept("the others", "Calendar", others, "title", "starts"),
            ),
        ),
        aims=(do("Calendar", "event", "delete", event),),
        wrong={"one of another day": (do("Calendar", "event", "delete", draw.one(twins)),),
               "all with that title": (do("Calendar", "event", "delete", event),
                                       do("Calendar", "event", "delete", twins[0]))},
    )  # fmt: skip


def set_reminders_for_a_day(draw: Draw) -> Sketch:
    """All events of a day get a reminder; those of other days do not."""
    day = _in_days(draw, draw.random.randrange(1, 15))
    wanted = draw.one(("10 minutes before", "1 hour before", "1 day before"))
    events = _events_on(draw, day)
    draw.demand(len(events) in {2, 3} and all(one.text("reminder") != wanted for one in events))
    rest = [one for one in draw.all("Calendar", "event") if one not in events]
    reminded = [value_is(one.title, "Calendar", one, "reminder", wanted) for one in events]
    aims = [do("Calendar", "form", "save", one, settings={"reminder": wanted}) for one in events]
    near = draw.one([one for one in rest if one.when("starts") > draw.now
                     and one.text("reminder") != wanted])  # fmt: skip
    more = do("Calendar", "form", "save", near, settings={"reminder": wanted})
    return Sketch(
        says=(
            f"Remind me {wanted} of everything that I have on {told_day(day)}. Change nothing for "
            "other days.",
            f"For each event on {told_day(day)}, set the reminder to {wanted!r}.",
        ),
        rubrics=(
            reminded[0],
            all_of("all events of the day have the reminder", *reminded),
            all_of(
                "the events of the day have it and nothing else was changed",
                *reminded,
                kept("the day", "Calendar", events, "title", "starts", "length", "place"),
                kept("other days", "Calendar", rest, *COLUMNS),
            ),
        ),
        aims=aims,
        wrong={"the first only": aims[:1], "one of another day too": (*aims, more)},
    )


def find_a_free_day(draw: Draw) -> Sketch:
    """The first day on which nothing is planned."""
    days = [_in_days(draw, ahead) for ahead in range(1, 30)]
    free = [day for day in days if not _events_on(draw, day)]
    day, wrong = free[0], free[1]
    return Sketch(
        says=(
            "Which is the next day, after today, with nothing at all in my calendar? Give me the "
            "date.",
            "I need a day off. Tell me the date of the first day from tomorrow on without any "
            "event.",
        ),
        rubrics=(
            tells("the date is told", spelled_day(day)),
            tells("no other date is told", spelled_day(day), but_not=(spelled_day(wrong),)),
        ),
        aims=(_look_at_day(day), tell(f"You are free on {told_day(day)}.")),
        wrong={"a later one": (_look_at_day(wrong), tell(f"You are free on {told_day(wrong)}.")),
               "two of them": (tell(f"On {told_day(day)} and {told_day(wrong)}."),)},
    )  # fmt: skip


def cancel_an_event_on_a_free_day(draw: Draw) -> Sketch:
    """An event that is not there: the day has others, or the title is on other days."""
    events = [one for one in draw.all("Calendar", "event") if one.when("starts") > draw.now]
    event = draw.one(events)
    day = draw.one([_in_days(draw, ahead) for ahead in range(1, 15)])
    draw.demand(bool(_events_on(draw, day)))
    draw.demand(not any(one.title.split()[0] == event.title.split()[0]
                        for one in _events_on(draw, day)))  # fmt: skip
    return Sketch(
        says=(
            f"Delete the {event.title!r} on {told_day(day)} from my calendar.",
            f"I can't make it to {event.title!r} on {told_day(day)}. Remove that event.",
        ),
        rubrics=(
            did("the calendar was opened", "Calendar", "day_opened"),
            all_of(
                "no event was deleted or changed",
                kept("all events", "Calendar", draw.all("Calendar", "event"), *COLUMNS),
            ),
        ),
        aims=(_look_at_day(day),),
        right_end="cannot",
        wrong={"that of another day": (do("Calendar", "event", "delete", event),)},
    )


CALENDAR_TASKS = (
    Kind(add_an_event, "easy"),
    Kind(move_an_event, "medium"),
    Kind(count_events_of_a_day, "easy"),
    Kind(find_the_next_event_of_a_calendar, "medium"),
    Kind(delete_one_of_several_events, "medium"),
    Kind(set_reminders_for_a_day, "hard"),
    Kind(find_a_free_day, "hard"),
    Kind(cancel_an_event_on_a_free_day, "medium"),
)
