from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tapgraph.tools.mobile.outcome import StepWords
from tapgraph.tools.mobile.perception.outcome_net import OutcomeNet, batch_of
from tapgraph.tools.mobile.perception.outcome_text import LINE_MARKS, encode_step
from tapgraph.tools.mobile.perception.outcomes import NetJudge
from tapgraph.tools.mobile.perception.weights import open_weights, save_weights

STEP = StepWords(
    'Tap "Wi-Fi" (switch)', "Wi-Fi is checked", '~ switch "Wi-Fi" checked (was plain)\n+ text "9"'
)


def test_a_word_says_what_line_it_is_in_and_who_else_has_it() -> None:
    encoded = encode_step(STEP)
    marks = [LINE_MARKS[mark] for _, mark, *_ in encoded.changes]
    assert marks == ["~", "~", "~", "~", "was", "was", "+", "+"]
    in_expected = [bool(flag) for _, _, flag, *_ in encoded.changes]
    assert in_expected == [False, True, True, True, False, False, False, False]
    in_quarters = [covered for *_, covered, _ in encoded.changes]
    assert in_quarters == [4, 4, 4, 4, 0, 0, 0, 0]
    assert encoded.lines == (0, 0, 0, 0, 0, 0, 1, 1)
    assert len(encoded.question) == 8


def test_numbers_of_one_length_are_one_word() -> None:
    def bucket(text: str) -> int:
        return encode_step(StepWords("", "", text)).changes[0][0]

    assert bucket("12") == bucket("47") != bucket("123")


def test_an_empty_step_can_be_read() -> None:
    with torch.no_grad():
        assert OutcomeNet().eval()(batch_of([encode_step(StepWords("", "", ""))])).shape == (1, 3)


def test_a_judge_speaks_only_where_it_is_sure_and_names_the_line() -> None:
    torch.manual_seed(0)
    net = OutcomeNet()
    with torch.no_grad():
        net.verdict.bias.copy_(torch.tensor([0.0, 3.0, 0.0]))
    judge = NetJudge(net, temperature=1.0, threshold=0.5)
    found = judge.judge(STEP)
    assert found is not None
    assert found.verdict == "B"
    assert found.error.startswith("it led somewhere else")
    assert any(line in found.error for line in STEP.changes.split("\n"))
    assert NetJudge(net, temperature=100.0, threshold=0.5).judge(STEP) is None
    assert judge.judge(replace(STEP, expected="")) is None


def test_weights_come_back_as_they_were_written(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = OutcomeNet().eval()
    settings = {"temperature": 1.5, "threshold": 0.25}
    save_weights("outcomes", net.state_dict(), settings, folder=tmp_path)
    opened = NetJudge.from_weights(open_weights("outcomes", purpose="a test", folder=tmp_path))
    before = NetJudge(net, temperature=1.5, threshold=0.25).guess(STEP)
    assert opened.threshold == 0.25
    assert opened.guess(STEP).confidence == pytest.approx(before.confidence, abs=1e-3)
