"""What a person sees while an agent runs: a live panel on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import (
    ActionFailed,
    Decided,
    Delegated,
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
    Verified,
    Warned,
)
from tapgraph.tools.action_words import action_words
from tapgraph.tools.visible_text import visible_text

__all__ = ["LiveProgress", "PlainProgress", "Progress", "open_progress"]

_JUDGED = {"A": "worked", "B": "wrong page", "C": "nothing changed"}
_COLORS = {"A": "green", "B": "red", "C": "yellow"}


class Progress(Protocol):
    """Shows a run while it goes on; `show` fits `PhoneAgent.on_event`."""

    def show(self, recorded: RecordedEvent) -> None:
        """Take note of what happened; may be called from several threads."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def open_progress(budget: Budget, *, json: bool = False, notice: str = "") -> Progress:
    """A live panel where a person looks, plain lines elsewhere; on stderr with `json`.

    `notice` stays visible: it is for what must not be overlooked, such as where replies come from.
    """
    console = Console(stderr=json, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console, budget, notice=notice)
    return PlainProgress(console, notice=notice)


class PlainProgress:
    """One line for each event that a reader of a log wants."""

    def __init__(self, console: Console, *, notice: str = "") -> None:
        self._console = console
        self._notice = notice

    def show(self, recorded: RecordedEvent) -> None:
        """Print its line, if it has one."""
        words = _line(recorded.event)
        if words:
            self._print(f"[{_clock_words(recorded.since_start_s)}] {words}")

    def __enter__(self) -> Self:
        if self._notice:
            self._print(self._notice)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is left to print."""

    def _print(self, words: str) -> None:
        self._console.print(Text(_one_line(words)), soft_wrap=True)


class LiveProgress:
    """A panel with the plan, the step and what is used up; it makes room for questions."""

    def __init__(
        self,
        console: Console,
        budget: Budget,
        *,
        notice: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget = budget
        self._notice = notice
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._instruction = ""
        self._plan: Planned | None = None
        self._step = 0
        self._action = ""
        self._judgement = Text()
        self._message = Text()
        self._tokens = 0
        self._cost_usd = 0.0
        self._finished: Finished | None = None
        self._live = Live(self, console=console, refresh_per_second=8, transient=False)

    def show(self, recorded: RecordedEvent) -> None:
        """Change the panel."""
        event = recorded.event
        with self._lock:
            self._began = self._clock() - recorded.since_start_s
            self._take(event)
        if isinstance(event, HumanAsked):
            self._live.stop()
        elif isinstance(event, HumanAnswered):
            self._live.start(refresh=True)

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def __rich__(self) -> RenderableType:
        """The panel as it is now."""
        with self._lock:
            parts: list[RenderableType] = [Text(self._instruction, style="bold")]
            if self._notice:
                parts.append(Text(self._notice, style="yellow"))
            parts += [Text(), *self._plan_lines(), self._now()]
            if self._message:
                parts.append(self._message)
            return Panel(Group(*parts), title="tapgraph", title_align="left", subtitle=self._used())

    def _take(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._instruction = _one_line(event.instruction)
            case Planned():
                self._plan = event
            case ModelCalled():
                self._tokens += event.prompt_tokens + event.completion_tokens
                self._cost_usd += event.cost_usd
            case Decided():
                self._step = event.step
                self._action = _one_line(event.description or _deed(event))
                self._judgement = Text("…", style="dim")
                self._message = Text()
            case Reflected():
                self._judgement = Text(_JUDGED[event.verdict], style=_COLORS[event.verdict])
            case Finished():
                self._finished = event
                self._message = Text()
            case _:
                words = _line(event)
                if words and not isinstance(event, Noted):
                    self._message = Text(_one_line(words), style="yellow")

    def _plan_lines(self) -> list[Text]:
        if self._plan is None:
            return [Text("planning …", style="dim")]
        subgoals = self._plan.subgoals
        is_over = self._finished is not None and self._finished.outcome.exit_code == 0
        current = self._plan.current_subgoal
        place = subgoals.index(current) if current in subgoals else -1
        lines = []
        for index, subgoal in enumerate(subgoals):
            if is_over or index < place:
                mark, style = "✓", "green"
            elif index == place:
                mark, style = "▸", "bold"
            else:
                mark, style = "·", "dim"
            lines.append(Text(f" {mark} {_one_line(subgoal)}", style=style))
        if place < 0 and current and not is_over:
            lines.append(Text(f" ▸ {_one_line(current)}", style="bold"))
        return lines

    def _now(self) -> RenderableType:
        if self._finished is not None:
            outcome = self._finished.outcome
            style = "bold green" if outcome.exit_code == 0 else "bold red"
            return Text.assemble(
                "\n", (outcome.value, style), " ", _one_line(self._finished.reason)
            )
        table = Table.grid(padding=(1, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(ratio=1)
        table.add_column(no_wrap=True)
        table.add_row(
            Text(f"step {self._step}/{self._budget.max_steps}", style="cyan"),
            Text(self._action, overflow="ellipsis", no_wrap=True),
            self._judgement,
        )
        return table

    def _used(self) -> Text:
        used = [f"{self._tokens:,} tokens", f"${self._cost_usd:.4f}"]
        return Text(" · ".join([_clock_words(self._clock() - self._began), *used]), style="dim")


def _line(event: Event) -> str:
    """What a log says about an event; empty where it says nothing."""
    step = f"step {event.step}"
    match event:
        case RunStarted():
            words = f"task: {event.instruction}"
        case Resumed():
            words = f"{step}: resumed"
        case Planned():
            goals = "; ".join(
                f"{number}. {goal}" for number, goal in enumerate(event.subgoals, start=1)
            )
            words = f"{step}: plan: {goals} (now: {event.current_subgoal})"
        case Decided():
            words = f"{step}: {_deed(event)}" + (
                f" — {event.description}" if event.description else ""
            )
        case _:
            words = _line_after_action(event, step)
    return words


def _deed(event: Decided) -> str:
    return action_words(event.action, event.target.words if event.target is not None else "")


def _line_after_action(event: Event, step: str) -> str:
    match event:
        case ActionFailed():
            words = f"{step}: not done: {event.error}"
        case Reflected():
            failed = "failed" if event.judged_by == "tool" else _JUDGED["C"]
            judged = failed if event.verdict == "C" else _JUDGED[event.verdict]
            words = f"{step}: {event.verdict} {judged}" + (
                f": {event.error}" if event.error else ""
            )
        case Escalated():
            words = f"{step}: {event.failures} failures in a row, planning anew"
        case Verified():
            words = f"{step}: " + (
                "complete" if event.complete else f"not complete yet: {event.missing}"
            )
        case Delegated():
            words = f"{step}: handed over: {event.subgoal} — {event.outcome.value}"
        case HumanAsked() | HumanAnswered():
            words = f"{step}: {'asks' if isinstance(event, HumanAsked) else 'answer'}: {event.text}"
        case ModelCalled(valid=False):
            words = f"{step}: {event.role} got no usable reply: {event.error}"
        case Warned():
            words = f"{step}: {event.text}"
        case Finished():
            words = (
                f"{event.outcome.value}: {event.reason} ({event.spent.steps} steps, "
                f"{event.spent.tokens:,} tokens, ${event.spent.cost_usd:.4f})"
            )
        case _:
            words = ""
    return words


def _one_line(text: str) -> str:
    return visible_text(" ".join(text.split()))


def _clock_words(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
