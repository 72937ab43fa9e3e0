"""Notes, alarms and sums: what needs one app of the phone's own."""

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import all_of, there_are, there_is, value_is
from tapgraph.evals.phone.sim.ways import do, look_at, write_note

__all__ = ["NOTES_TASKS"]


def write_a_note(draw: Draw) -> Sketch:
    """A note with a title and a text."""
    title = draw.one(("Shopping", "Saturday", "Ideas", "For Maria", "Garage"))
    body = draw.one((
        "Milk, eggs and 2 lemons",
        "Call the dentist before 4 pm",
        "Paint: two coats, warm white",
        "Return the books on Thursday",
    ))
    return Sketch(
        says=(
            f'Write a note called "{title}" with the text "{body}".',
            f'In Notes, make a new note. Title: "{title}". Text: "{body}".',
        ),
        rubrics=(
            there_is("a note has the title", "Notes", "notes", title=title),
            there_is("that note has the text", "Notes", "notes", title=title, body=body),
        ),
        aims=(write_note(title, body),),
        wrong={"another text": (write_note(title, f"{body}!"),)},
    )


def switch_one_alarm(draw: Draw) -> Sketch:
    """An alarm, and no other."""
    alarm, other = draw.some(draw.all("Clock", "alarms"), 2)
    on = not alarm.flag("is_on")
    turn = "on" if on else "off"
    rest = [one for one in draw.all("Clock", "alarms") if one.id != alarm.id]
    return Sketch(
        says=(
            f"Turn {turn} the {alarm.text('at')} alarm.",
            f"My alarm at {alarm.text('at')} should be {turn}. Leave the others as they are.",
        ),
        rubrics=(all_of(
            f"the alarm is {turn}, and no other was touched",
            value_is("the alarm", "Clock", alarm, "is_on", int(on)),
            *(
                value_is(one.text("at"), "Clock", one, "is_on", int(one.flag("is_on")))
                for one in rest
            ),
        ),),
        aims=(do("Clock", "alarms", "switch", row=alarm),),
        wrong={"another alarm too": (do("Clock", "alarms", "switch", row=alarm),
                                     do("Clock", "alarms", "switch", row=other))},
    )  # fmt: skip


def sum_into_a_note(draw: Draw) -> Sketch:
    """A sum on the calculator, its value in a note."""
    first, second = draw.random.randrange(120, 999), draw.random.randrange(120, 999)
    total = str(first + second)
    return Sketch(
        says=(f"Add {first} and {second} on the calculator and put the result into a note titled "
              '"Total".',),
        rubrics=(
            there_is("the sum was calculated", "Calculator", "result", value=total),
            there_are("one note has the result", "Notes", "notes", 1, title="Total", body=total),
        ),
        aims=(look_at("Calculator", "keys", settings={"calculated": f"{first}+{second}"},
                      facts=(f"the sum is {total}",)),
              write_note("Total", total)),
        wrong={"the wrong sum": (look_at("Calculator", "keys",
                                         settings={"calculated": f"{first}+{second + 1}"}),
                                 write_note("Total", str(first + second + 1)))},
    )  # fmt: skip


NOTES_TASKS = (
    Kind(write_a_note, "easy"),
    Kind(switch_one_alarm, "easy"),
    Kind(sum_into_a_note, "medium"),
)
