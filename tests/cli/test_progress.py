import io
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from rich.console import Console

from tapgraph.agents.run.budget import Budget, Spent
from tapgraph.agents.run.events import (
    ActionDone,
    ActionFailed,
    ActionStarted,
    Decided,
    Escalated,
    Event,
    Finished,
    HumanAnswered,
    HumanAsked,
    ModelCalled,
    Noted,
    Planned,
    RecordedEvent,
    Reflected,
    Resumed,
    RunStarted,
    ScreenSeen,
    StepTimed,
    Verified,
    Warned,
)
from tapgraph.agents.run.outcome import Outcome
from tapgraph.cli.progress import LiveProgress, PlainProgress, Progress, open_progress

TAP: dict[str, object] = {"name": "Tap", "arguments": {"x": 5, "y": 6}}
RUN: tuple[Event, ...] = (
    RunStarted(0, "Find a tea house", "tapgraph"),
    ScreenSeen(0, 1, "launcher", "", False, 9, "f", "tree", 0.1),
    ModelCalled(0, "manager", "m", 1_000, 50, 0.01, 1.0),
    Planned(0, "think", ("Open Maps", "Search", "Write it down"), "Search", ""),
    ModelCalled(1, "operator", "m", 900, 40, 0.01, 1.0, 1, False, 1, "no JSON"),
    Decided(1, "think", TAP, "Tap the\nsearch bar"),
    ActionStarted(1, 0, TAP),
    ActionDone(1, 0, TAP, 0.1),
    Reflected(1, "C", "nothing moved", "", "unchanged screen"),
    StepTimed(1, 1.0, 0.5, 0.1, 0.1),
    Noted(1, "nothing yet"),
)
EXPECTED = """\
Replies come from reference solutions
[0:00] task: Find a tea house
[0:30] step 0: plan: 1. Open Maps; 2. Search; 3. Write it down (now: Search)
[0:40] step 1: operator got no usable reply: no JSON
[0:50] step 1: Tap (5, 6) — Tap the search bar
[1:20] step 1: C nothing changed: nothing moved
"""


def recorded(events: Iterable[Event]) -> list[RecordedEvent]:
    return [
        RecordedEvent(event, datetime(2026, 1, 1, tzinfo=UTC), 10.0 * place)
        for place, event in enumerate(events)
    ]


def plain(*events: Event, notice: str = "") -> str:
    out = io.StringIO()
    with PlainProgress(Console(file=out, width=30), notice=notice) as progress:
        for entry in recorded(events):
            progress.show(entry)
    return out.getvalue()


def panel(*events: Event, notice: str = "", clock_s: float = 1_000.0) -> str:
    """The last state of the live panel."""
    console = Console(file=io.StringIO(), width=70, height=30, force_terminal=True)
    progress = LiveProgress(console, Budget(max_steps=12), notice=notice, clock=lambda: clock_s)
    with progress:
        for entry in recorded(events):
            progress.show(entry)
    shown = Console(file=io.StringIO(), width=70)
    with shown.capture() as capture:
        shown.print(progress)
    return capture.get()


def test_a_log_has_one_line_for_each_event_of_interest() -> None:
    assert plain(*RUN, notice="Replies come from reference solutions") == EXPECTED


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Resumed(3), "step 3: resumed"),
        (ActionFailed(2, 0, TAP, "no such app"), "step 2: not done: no such app"),
        (Reflected(2, "A", "", "", "model"), "step 2: A worked"),
        (Escalated(2, 2), "step 2: 2 failures in a row, planning anew"),
        (Verified(4, False, "the note"), "step 4: not complete yet: the note"),
        (Verified(4, True), "step 4: complete"),
        (HumanAsked(1, "question", "Which one?"), "step 1: asks: Which one?"),
        (HumanAnswered(1, "the first"), "step 1: answer: the first"),
        (Warned(1, "no tree"), "step 1: no tree"),
        (
            Finished(5, Outcome.BUDGET, "5 of 5 steps are used", "", Spent(5, 1_234, 6, 0.5)),
            "budget: 5 of 5 steps are used (5 steps, 1,234 tokens, $0.5000)",
        ),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_an_event_of_interest_is_told(event: Event, words: str) -> None:
    assert plain(event) == f"[0:00] {words}\n"


def test_foreign_text_can_neither_break_a_line_nor_command_the_terminal() -> None:
    line = plain(Warned(1, "a\nb\x1b[2J\x07 [bold]c[/bold] \u202eexe"))
    assert line == "[0:00] step 1: a b⟨U+001B⟩[2J⟨U+0007⟩ [bold]c[/bold] ⟨U+202E⟩exe\n"


def test_the_panel_shows_plan_step_judgement_and_what_is_used() -> None:
    shown = panel(*RUN)
    assert "Find a tea house" in shown
    assert "✓ Open Maps" in shown
    assert "▸ Search" in shown
    assert "· Write it down" in shown
    assert "step 1/12" in shown
    assert "Tap the search bar" in shown
    assert "nothing changed" in shown
    assert "1,990 tokens" in shown
    assert "$0.0200" in shown
    assert "1:40" in shown


def test_the_panel_keeps_the_notice() -> None:
    assert "Replies come from reference" in panel(*RUN, notice="Replies come from reference ones")


def test_the_panel_ends_with_the_outcome_and_a_ticked_plan() -> None:
    shown = panel(*RUN, Finished(2, Outcome.SUCCESS, "all is verified", "", Spent()))
    assert "success all is verified" in shown
    assert "✓ Write it down" in shown


def test_a_failed_run_ticks_only_what_was_done() -> None:
    shown = panel(*RUN, Finished(2, Outcome.FAILED, "not done", "", Spent()))
    assert "· Write it down" in shown


def test_the_panel_escapes_foreign_text() -> None:
    shown = panel(Decided(1, "", TAP, "[red]x[/red]\x1b[2J"))
    assert "[red]x[/red]⟨U+001B⟩[2J" in shown


def test_the_panel_makes_room_for_a_question() -> None:
    out = io.StringIO()
    console = Console(file=out, width=70, force_terminal=True)
    with LiveProgress(console, Budget()) as progress:
        progress.show(recorded([HumanAsked(1, "question", "Which?")])[0])
        before = out.tell()
        console.print("typed here")
        written = out.getvalue()[before:]
        progress.show(recorded([HumanAnswered(1, "this")])[0])
    assert written == "typed here\n"


def test_a_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with open_progress(Budget()) as progress:
        show(progress)
    assert capsys.readouterr().out == "[0:00] step 3: resumed\n"


def test_with_json_nothing_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with open_progress(Budget(), json=True) as progress:
        show(progress)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "[0:00] step 3: resumed\n")


def show(progress: Progress) -> None:
    progress.show(recorded([Resumed(3)])[0])
