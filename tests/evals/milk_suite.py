"""A suite in a file, as a user writes one."""

from tapgraph.evals.suite import Rubric, Task
from tapgraph.tools.mobile.simulator.guide import Aim, Route

tasks = [
    Task(
        id="milk",
        instruction='Write a note called "Shop" with the text "milk".',
        rubrics=(
            Rubric(
                "a note says milk",
                lambda seen: (
                    ("milk",)
                    in seen.rows("Notes", "SELECT body FROM notes WHERE title = ?", "Shop")
                ),
            ),
        ),
        apps=("Notes",),
        route=Route((
            Aim(
                words="Write the note",
                app="Notes",
                page="note",
                act="done",
                settings={"title": "Shop", "body": "milk"},
            ),
        )),
    ),
    Task(
        id="alarm",
        instruction="Turn on the alarm at 08:30.",
        rubrics=(
            Rubric(
                "the alarm is on",
                lambda seen: (
                    seen.rows("Clock", "SELECT is_on FROM alarms WHERE at = '08:30'") == [(1,)]
                ),
            ),
            Rubric("the alarm is shown", lambda seen: seen.shows("08:30.*")),
        ),
        apps=("Clock",),
        route=Route((
            Aim(
                words="Turn the alarm on",
                app="Clock",
                page="alarms",
                act="switch",
                row=("alarms", 2),
            ),
        )),
    ),
]
