"""A calendar: the events of a day, all to come, and a form for them."""

from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.made_up import moment, people

__all__ = ["CALENDAR"]

EVENT = kit.Entity(
    "event",
    {"title": "text", "starts": "when", "length": "text", "place": "text", "calendar": "text",
     "reminder": "text", "note": "text"},
)  # fmt: skip
LENGTHS = ("30 minutes", "1 hour", "2 hours", "All day")
CALENDARS = ("Personal", "Work", "Family")
REMINDERS = ("None", "10 minutes before", "1 hour before", "1 day before")
TITLES = (
    "Team meeting", "Team lunch", "Dentist", "Dentist for Max", "Yoga class", "Parents evening",
    "Budget review", "Budget call", "Coffee with {name}", "Call with {name}", "Haircut",
    "Train to the lake", "Library books due", "Car inspection", "Book club", "Birthday of {name}",
)  # fmt: skip
PLACES = ("Room 4", "Room 14", "Mill Street 12", "Lakeside Cafe", "Online", "")
FORM = (
    kit.FormField("title", "Title|What"),
    kit.FormField("starts", "Starts|When", kind="when"),
    kit.FormField("length", "Duration|Length", kind="choice", options=LENGTHS),
    kit.FormField("place", "Location|Where", is_needed=False),
    kit.FormField("calendar", "Calendar", kind="choice", options=CALENDARS),
    kit.FormField("reminder", "Reminder|Alert", kind="choice", options=REMINDERS),
    kit.FormField("note", "Notes|Description", kind="long", is_needed=False),
)


def _fill(app: kit.KitApp, random: Random) -> None:
    names = people(random, 8)
    for days in range(-5, 21):
        for _ in range(3 if days == 0 else random.choice((0, 1, 1, 2, 3))):
            starts = moment(app.phone.clock, days=days, hour=random.randrange(8, 20),
                            minute=random.choice((0, 30)))  # fmt: skip
            app.store.add(
                "event", title=random.choice(TITLES).format(name=random.choice(names)),
                starts=starts, length=random.choice(LENGTHS[:3]), place=random.choice(PLACES),
                calendar=random.choice(CALENDARS), reminder=random.choice(REMINDERS),
            )  # fmt: skip


def _is_on_day(at: kit.At, event: kit.Record) -> bool:
    return event.when("starts").date() == kit.chosen_day(at)


def _is_to_come(at: kit.At, event: kit.Record) -> bool:
    return event.when("starts") >= at.scene.now


FACE = kit.Face(
    title="{title}", lines=("{starts:time}, {length}", "{place}"), glyph="calendar-text"
)
BY_TIME = (kit.Sort("Time", "starts"),)
NEW = kit.Act("New event|Add event|Create", glyph="plus", opens="form", creates=True)
PAGES = (
    kit.Page(
        "day", "Calendar|Day|My day", glyph="calendar-today", main=NEW,
        blocks=(kit.Days(), kit.Rows(
            entity="event", opens="event", face=FACE, where=_is_on_day, looks=("list", "cards"),
            find=kit.Find(sorts=BY_TIME), empty="No events|Nothing planned|A free day",
        )),
    ),
    kit.Page(
        "agenda", "Agenda|Schedule|Upcoming", glyph="view-agenda", main=NEW,
        blocks=(kit.Rows(
            entity="event", opens="event", face=FACE, where=_is_to_come, group="{starts:day}",
            find=kit.Find(search=("{title}", "{place}", "{note}"), hint="Search events",
                          sorts=BY_TIME,
                          filters=tuple(kit.Filter(name, kit.equals("calendar", name))
                                        for name in CALENDARS)),
        ),),
    ),
    kit.Page(
        "event", "Event|Details", entity="event",
        blocks=(
            kit.Headline("{title}", ("{starts:day}, {starts:time}", "{length}")),
            kit.Facts((("map-marker-outline", "Location|Where", "{place}"),
                       ("calendar", "Calendar", "{calendar}"),
                       ("bell-outline", "Reminder|Alert", "{reminder}"))),
            kit.Prose("Notes|Description", "{note}"),
        ),
        acts=(kit.Act("Edit|Change", glyph="pencil", opens="form"),
              kit.Act("Delete|Remove", glyph="trash-can-outline", effects=(kit.Remove(),),
                      confirm="Delete this event?|Remove {title}?", leaves=True)),
    ),
    kit.Page("form", "Event", (kit.Form(FORM),), entity="event",
             main=kit.Act("Save|Done|Add", glyph="check", event="saved", leaves=True,
                          effects=(kit.SaveForm("event", FORM),))),
)  # fmt: skip

CALENDAR = kit.AppSpec(
    package="com.google.android.calendar", label="Calendar", glyph="calendar", color="#1A73E8",
    entities=(EVENT,), fill=_fill, pages=PAGES, tabs=("day", "agenda"), needs_network=False,
    looks=kit.Looks(accents=("#1A73E8", "#D93025", "#00796B")), permissions=("notifications",),
)  # fmt: skip
