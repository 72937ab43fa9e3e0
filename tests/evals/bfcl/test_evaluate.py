"""Baselines and models on tasks of our own in the benchmark's form."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.cli.main import main
from tapgraph.errors import EnvironmentMissing, UsageError
from tapgraph.evals.bfcl import dataset
from tapgraph.evals.bfcl.callers import LexicalCaller, OracleCaller
from tapgraph.evals.bfcl.dataset import CATEGORIES, load_tasks
from tapgraph.evals.bfcl.defects import DEFECTS
from tapgraph.evals.bfcl.evaluate import evaluate_bfcl
from tapgraph.evals.bfcl.model_caller import ModelCaller
from tapgraph.llm_backend.chat_model import ModelTraits, Reply, ToolCall
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.scripted_model import ScriptedModel

NATIVE = ModelTraits("tools", calls="native")


def calls(*made: tuple[str, dict[str, Any]]) -> str:
    return json.dumps({"calls": [{"name": name, "arguments": given} for name, given in made]})


def test_the_oracle_is_right_in_all_categories(package: Path, tmp_path: Path) -> None:
    done = evaluate_bfcl(load_tasks(CATEGORIES), OracleCaller(), tmp_path / "out")
    assert done.faults == {}
    assert done.tasks == 8
    assert {one.name: one.right.value for one in done.scores}["multi turn"] == 1


def test_shared_words_choose_a_function_and_fill_it(package: Path, tmp_path: Path) -> None:
    done = evaluate_bfcl(load_tasks(CATEGORIES), LexicalCaller(), tmp_path / "out")
    assert "simple_python_0" not in done.faults
    assert "irrelevance_0" not in done.faults
    assert done.faults["parallel_0"] == "1 calls in place of 2"


def test_a_model_writes_its_calls(package: Path, tmp_path: Path) -> None:
    model = ScriptedModel([calls(("weather.now", {"city": "NYC"}))])
    tasks = load_tasks(["multiple"])
    done = evaluate_bfcl(tasks, ModelCaller(model), tmp_path / "out", workers=1)
    assert (done.faults, done.calls) == ({}, 1)
    rules = model.requests[0].messages[0].text
    assert "weather.now(city: text, days?: integer" in rules
    assert "place?: {zip?: text}" in rules


def test_a_model_calls_tools_under_names_that_servers_take(package: Path, tmp_path: Path) -> None:
    call = ToolCall("1", "weather_now", '{"city": "NYC"}')
    model = ScriptedModel([Reply("", tool_calls=(call,))], traits=NATIVE)
    done = evaluate_bfcl(load_tasks(["multiple"]), ModelCaller(model), tmp_path / "out")
    assert done.faults == {}
    assert [one.name for one in model.requests[0].tools] == ["play", "weather_now"]


def test_a_conversation_goes_on_until_nothing_is_called(package: Path, tmp_path: Path) -> None:
    said = [
        calls(("open_ticket", {"title": "Leak", "priority": 3})), calls(), calls(),
        calls(("read_ticket", {"number": 1})), calls(),
    ]  # fmt: skip
    model = ScriptedModel(said)
    tasks = load_tasks(["multi_turn_miss_func"])
    done = evaluate_bfcl(tasks, ModelCaller(model), tmp_path / "out", workers=1)
    assert done.faults == {}
    first, *_, last = model.requests
    assert "read_ticket" not in first.messages[0].text
    assert "drop_tickets" not in last.messages[0].text
    assert "read_ticket(number: integer)" in last.messages[0].text
    words = "\n".join(one.text for one in last.messages)
    assert '[{"called": "open_ticket", "answer": "{\\"id\\": 1}"}]' in words
    assert "I have updated some more functions" in words


def test_a_turn_without_an_end_is_wrong(package: Path, tmp_path: Path) -> None:
    def again(messages: Sequence[Message], schema: type[BaseModel] | None) -> str:
        return calls(("read_ticket", {"number": 1}))

    tasks = load_tasks(["multi_turn_base"])
    done = evaluate_bfcl(tasks, ModelCaller(ScriptedModel(again)), tmp_path / "out")
    assert done.faults == {"multi_turn_base_0": "turn 1 had no end after 20 steps"}


def test_a_reply_without_calls_calls_nothing(package: Path, tmp_path: Path) -> None:
    model = ScriptedModel(["I would look it up."])
    done = evaluate_bfcl(load_tasks(["simple_python"]), ModelCaller(model), tmp_path / "out")
    assert done.faults == {"simple_python_0": "0 calls in place of 1"}


def test_an_evaluation_goes_on_and_keeps_to_its_folder(package: Path, tmp_path: Path) -> None:
    tasks = load_tasks(["multiple", "parallel"])
    evaluate_bfcl(tasks[:1], OracleCaller(), tmp_path / "out")
    lines = (tmp_path / "out" / "results.jsonl").read_bytes()
    evaluate_bfcl(tasks, OracleCaller(), tmp_path / "out")
    assert (tmp_path / "out" / "results.jsonl").read_bytes().startswith(lines)
    with pytest.raises(UsageError, match="holds another run"):
        evaluate_bfcl(tasks, LexicalCaller(), tmp_path / "out")


def test_broken_data_counts_and_is_told_apart(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEFECTS, "irrelevance_0", "there is no equation")
    done = evaluate_bfcl(load_tasks(["irrelevance"]), OracleCaller(), tmp_path / "out")
    (score,) = done.scores
    assert (score.right.n, score.without_defects.n) == (1, 0)
    assert done.defects == {"irrelevance_0": "there is no equation"}


def test_both_baselines_are_printed_by_one_command(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", "bfcl", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "bfcl by oracle: 8 tasks" in printed
    assert "bfcl by lexical: 8 tasks" in printed
    assert main([*command, "--json", "--categories", "multiple", "--limit", "1"]) == 0
    (oracle, _) = json.loads(capsys.readouterr().out)["evaluations"]
    assert oracle["scores"]["multiple"]["value"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--categories", "no_such"], "no category is called 'no_such'"),
        (["--model", "openai:x", "--baseline", "oracle"], "either --model SPEC or --baseline"),
        (["--limit", "0"], "limit must be at least 1"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    arguments: list[str], words: str, package: Path, tmp_path: Path, capsys: Any
) -> None:
    assert main(["eval", "bfcl", "--out", str(tmp_path), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_without_the_package_the_command_to_install_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dataset, "_PACKAGE", "no_such_package")
    with pytest.raises(EnvironmentMissing, match="pip install --no-deps bfcl-eval mpmath"):
        load_tasks(["multiple"])


@pytest.mark.slow
def test_the_oracle_is_right_on_the_real_data_but_for_its_defects(tmp_path: Path) -> None:
    pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed")
    done = evaluate_bfcl(load_tasks(CATEGORIES), OracleCaller(), tmp_path / "out")
    assert done.failures == ()
    assert set(done.faults) <= set(DEFECTS)
