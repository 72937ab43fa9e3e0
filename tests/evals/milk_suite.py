"""A suite in a file, as a user writes one."""

from tapgraph.evals.suite import Rubric, Task

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
    ),
    Task(
        id="dark",
        instruction="Turn on dark mode.",
        rubrics=(
            Rubric(
                "the dark theme is on",
                lambda seen: (
                    seen.rows("Settings", "SELECT is_on FROM switches WHERE label = 'Dark theme'")
                    == [(1,)]
                ),
            ),
            Rubric("the switch is shown", lambda seen: seen.shows("Dark theme")),
        ),
        apps=("Settings",),
    ),
]
