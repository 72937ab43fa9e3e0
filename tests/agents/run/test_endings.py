"""Whatever breaks, a run ends in one of the eight ways, with its folder and one sentence."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.api.agent import ApiAgent
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import Warned
from tapgraph.agents.run.ledger import Acknowledged, Ledger
from tapgraph.agents.run.outcome import Outcome, Stop
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.errors import (
    BudgetExhausted,
    ContextExceeded,
    DeviceLost,
    EnvironmentMissing,
    ExtraMissing,
    InvalidReply,
    ModelUnavailable,
    UnreadableRun,
    UsageError,
)
from tapgraph.llm_backend.chat_model import ModelTraits, Reply
from tapgraph.llm_backend.messages import Message
from tapgraph.tools.api.calls import CallResult
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.api.json_value import Json


class Saying:
    """A model that says the same to everybody, or does something else instead."""

    def __init__(self, words: str | Callable[[], str], **traits: Any) -> None:
        self.traits = ModelTraits("test-model", **traits)
        self._words = words

    def reply(
        self, messages: Sequence[Message], *, schema: type[BaseModel] | None = None, **_: Any
    ) -> Reply:
        """What it says, never parsed."""
        return Reply(self._words if isinstance(self._words, str) else self._words())


class Service:
    """One API, whose call raises what it is given."""

    catalog = ApiCatalog([Api("get_weather", "Tells the weather.")])

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Raise, or give nothing."""
        if self._error is not None:
            raise self._error
        return CallResult(None, "", 0.0)


NESTED = '{"a":' * 900 + "1" + "}" * 900
CALL = '{"thought": "", "action": "call", "api": "get_weather", "arguments": {}}'


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., TaskResult]:
    """Does a task with a model that says the same to everybody."""

    def do(words: str | Callable[[], str], error: Exception | None = None, **fields: Any) -> Any:
        agent = ApiAgent(Service(error), Saying(words), **fields)
        return agent.run("What is the weather?", out=tmp_path / "run")

    return do


def ended(result: TaskResult) -> tuple[Outcome, str]:
    """How a run ended, once its folder says the same."""
    header = RunFolder.open(result.folder).header
    assert (header.outcome, header.reason) == (result.outcome, result.reason)
    assert "\n" not in result.reason
    return result.outcome, result.reason


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (BudgetExhausted("b"), Outcome.BUDGET),
        (ModelUnavailable("m"), Outcome.MODEL_ERROR),
        (ContextExceeded("c"), Outcome.MODEL_ERROR),
        (InvalidReply("i", replies=()), Outcome.MODEL_ERROR),
        (DeviceLost("d"), Outcome.DEVICE_LOST),
        (ExtraMissing("ocr", "reading"), Outcome.FAILED),
        (UsageError("u"), Outcome.FAILED),
        (sqlite3.OperationalError("database or disk is full"), Outcome.FAILED),
        (RecursionError("too deep"), Outcome.FAILED),
        (KeyError("x"), Outcome.FAILED),
    ],
)
def test_every_error_is_an_ending(error: Exception, outcome: Outcome) -> None:
    stop = Stop.after(error)
    assert stop.outcome is outcome
    assert stop.reason


@pytest.mark.parametrize(
    "error", [ModelUnavailable("away"), RuntimeError("a bug\nin two lines"), OSError(28, "full")]
)
def test_a_model_that_breaks_leaves_a_run_that_ended(
    error: Exception, run: Callable[..., TaskResult]
) -> None:
    def breaks() -> str:
        raise error

    outcome, reason = ended(run(breaks))
    assert outcome in {Outcome.MODEL_ERROR, Outcome.FAILED}
    assert str(error).split("\n")[0] in reason


@pytest.mark.parametrize(
    "words", ["I would rather not.", "[" * 900, '{"a":' * 900 + "1" + "}" * 900]
)
def test_a_model_that_never_gives_json_is_a_model_error(
    words: str, run: Callable[..., TaskResult]
) -> None:
    outcome, reason = ended(run(words))
    assert outcome is Outcome.MODEL_ERROR
    assert "no usable reply" in reason


def test_a_service_that_is_away_is_no_lost_device(run: Callable[..., TaskResult]) -> None:
    outcome, reason = ended(run(CALL, EnvironmentMissing("the server of weather is away")))
    assert outcome is Outcome.FAILED
    assert reason == "the server of weather is away"


def test_an_observer_that_raises_is_told_nothing_more(
    run: Callable[..., TaskResult], tmp_path: Path
) -> None:
    told: list[str] = []

    def observe(recorded: Any) -> None:
        told.append(recorded.event.kind)
        raise ValueError("no")

    ended(run("nothing", on_event=observe))
    warnings = [one for one in RunFolder.open(tmp_path / "run").events() if isinstance(one, Warned)]
    assert told == ["run_started"]
    assert "on_event raised ValueError('no')" in warnings[0].text


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """An event that comes when the test is over, so that no thread is left behind."""
    event = threading.Event()
    yield event
    event.set()


def test_a_model_that_never_answers_does_not_outlive_the_run(
    run: Callable[..., TaskResult], never: threading.Event
) -> None:
    result = run(lambda: str(never.wait()), budget=Budget(max_seconds=0.3))
    assert ended(result)[0] is Outcome.BUDGET


def test_money_is_not_limited_by_an_unknown_price(tmp_path: Path) -> None:
    agent = ApiAgent(Service(), Saying("", has_known_price=False), budget=Budget(max_cost_usd=1.0))
    with pytest.raises(UsageError, match="max_cost_usd would limit nothing"):
        agent.run("What is the weather?", out=tmp_path / "run")


@pytest.mark.parametrize("limit", [float("inf"), float("nan"), 0, -1])
def test_a_limit_that_is_none_is_refused(limit: float) -> None:
    with pytest.raises(UsageError, match="must be above 0 and finite"):
        Budget(max_seconds=limit)


@pytest.mark.parametrize("left", ["events.jsonl", "checkpoints.sqlite", "run.json"])
def test_a_folder_with_what_is_left_of_a_run_is_refused(
    left: str, run: Callable[..., TaskResult], tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / left).touch()
    with pytest.raises(UsageError, match="already holds a run"):
        run("nothing")


def test_a_run_that_lost_its_checkpoints_is_not_resumed(
    run: Callable[..., TaskResult], tmp_path: Path
) -> None:
    result = run(CALL, budget=Budget(max_steps=2))
    assert result.outcome is Outcome.BUDGET
    (tmp_path / "run" / "checkpoints.sqlite").unlink()
    agent = ApiAgent(Service(), Saying(CALL))
    with pytest.raises(UsageError, match="lost its checkpoints"):
        agent.resume(tmp_path / "run")


@pytest.mark.parametrize("damage", [b"", b"not SQLite at all" * 100])
def test_checkpoints_that_cannot_be_read_end_the_run_in_one_sentence(
    damage: bytes, run: Callable[..., TaskResult], tmp_path: Path
) -> None:
    run(CALL, budget=Budget(max_steps=2))
    (tmp_path / "run" / "checkpoints.sqlite").write_bytes(damage)
    agent = ApiAgent(Service(), Saying(CALL), budget=Budget(max_steps=3))
    assert ended(agent.resume(tmp_path / "run"))[0] in set(Outcome) - {Outcome.SUCCESS}


def test_another_action_in_the_ledger_is_not_taken_for_this_one(
    run: Callable[..., TaskResult], tmp_path: Path
) -> None:
    run(CALL, budget=Budget(max_steps=1))
    folder = RunFolder.open(tmp_path / "run")
    wire = {"name": "get_weather", "arguments": {}}
    ledger = Ledger(folder, folder.timeline())
    assert ledger.once(1, 0, wire, lambda: Acknowledged(0.0)) is not None
    with pytest.raises(UnreadableRun, match="do not belong together"):
        ledger.once(1, 0, {**wire, "arguments": {"city": "Lyon"}}, lambda: Acknowledged(0.0))


def test_a_run_folder_is_readable_by_its_owner_alone(
    run: Callable[..., TaskResult], tmp_path: Path
) -> None:
    run("nothing")
    assert (tmp_path / "run").stat().st_mode & 0o077 == 0


def test_an_ending_is_plain_json(run: Callable[..., TaskResult], tmp_path: Path) -> None:
    run("nothing")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["outcome"] == "model_error"
