"""Each role is told of past actions in the numbers in which its own model writes points."""

from typing import Any

import pytest

from tapgraph.agents.mobile.close_step import close_step
from tapgraph.agents.mobile.ending import verifier
from tapgraph.agents.mobile.experience import shortcut_reflector, tips_reflector
from tapgraph.agents.mobile.operator_node import operator
from tapgraph.agents.mobile.reflector import reflector
from tapgraph.agents.mobile.state import Decision, Judgement, PhoneStep
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.target import Target

SHARES = ModelTraits("shares", coordinate_space="0-1000")
TARGET = Target(Point(540, 600), Size(1080, 2400))
TAP = Decision("Tap", {"x": 540, "y": 600}, target=TARGET)
PAST = PhoneStep(step=1, name="Tap", arguments=TAP.arguments, verdict="C", target=TARGET)


@pytest.mark.parametrize(
    ("role", "node"),
    [
        ("operator", operator),
        ("reflector", reflector),
        ("verifier", verifier),
        ("shortcut_reflector", shortcut_reflector),
        ("tips_reflector", tips_reflector),
    ],
)
def test_a_role_reads_points_in_its_own_models_numbers(role: str, node: Any, desk: Any) -> None:
    asks = desk("no JSON", role_traits={role: SHARES})
    asks.run(node, history=[PAST], decision=TAP)
    assert asks.model.traits is SHARES
    assert "Tap (500, 250)" in asks.prompt
    assert "540" not in asks.prompt


def test_the_manager_hears_of_trouble_in_its_own_models_numbers(desk: Any) -> None:
    asks = desk(role_traits={"manager": SHARES})
    failed = Judgement("C", "nothing", "")
    update = asks.run(close_step, history=[PAST], decision=TAP, judgement=failed, step=2)
    assert update["escalation"].count("Tap (500, 250)") == 2
