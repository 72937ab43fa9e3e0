"""What is asked before an action meets the phone, through Appium: the screen as it is by then."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.replies import (
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    TipsReply,
    VerifierReply,
)
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import HumanAsked
from tapgraph.agents.run.human import AbsentHuman, CallbackHuman, Human, HumanRequest
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.simulator.app import Activity, App
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server import SimulatorServer
from tapgraph.tools.mobile.simulator.views import Button, Column, View
from tapgraph.tools.policy.rules import PolicyRules

Events = Callable[[Any], list[Any]]


class Shop(App):
    """One button, whose words change while others think."""

    package, label, glyph, color = "org.example.shop", "Shop", "store", "#0B57D0"

    def create(self) -> None:
        self.words = "Add to cart"
        self.pressed: list[str] = []

    def first_activity(self) -> Activity["Shop"]:
        return _Page(self)

    def press(self) -> None:
        self.pressed.append(self.words)


class _Page(Activity[Shop]):
    def build(self) -> View:
        return Column([Button(self.app.words, id="main", on_click=self.app.press)])


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def shop_phone(shop: Shop) -> Phone:
    clock = datetime(2026, 3, 7, 9, 30)  # noqa: DTZ001 - a phone shows local time
    return Phone([shop], seed=1, clock=clock)


@pytest.fixture
def say(shop: Shop, shop_phone: Phone) -> Callable[[str], None]:
    """Puts other words on the button."""

    def change(words: str) -> None:
        shop.words = words
        shop_phone.refresh()

    return change


@pytest.fixture
def device(shop_phone: Phone) -> Iterator[AppiumDevice]:
    shop_phone.open_app(Shop.package)
    with SimulatorServer(shop_phone) as server, AppiumDevice.connect(server.url) as device:
        yield device


@pytest.fixture
def touch(
    shop_phone: Phone, device: AppiumDevice, memory: MemoryStore, tmp_path: Path
) -> Callable[..., None]:
    """Lets a model act once on the button: `touch(action, human, while_it_thinks=...)`."""
    node = next(one for one in device.ui_tree().walk() if one.resource_id.endswith("main"))

    def do(
        action: str,
        human: Human,
        *,
        while_it_thinks: Callable[[], None] = lambda: None,
        policy: PolicyRules | None = None,
    ) -> None:
        model = ScriptedModel(_acting(action, node.bounds.center, while_it_thinks))
        agent = PhoneAgent(
            device=device,
            model=RoleModels(model),
            memory=memory,
            human=human,
            policy=policy or PolicyRules(),
            budget=Budget(max_steps=1),
        )
        agent.run("Put the thing into the cart", out=tmp_path / "run")

    return do


def _acting(
    action: str, point: Point, while_it_thinks: Callable[[], None]
) -> Callable[[Sequence[Message], type[BaseModel] | None], Answer]:
    x, y = point.x, point.y
    arguments: dict[str, Any] = {"x": x, "y": y}
    if action == "Swipe":
        arguments = {"x1": x, "y1": y, "x2": x, "y2": y}

    def answer(_: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
        assert schema is not None
        if issubclass(schema, OperatorReply):
            while_it_thinks()
            return OperatorReply(
                thought="", action=action, arguments=arguments, description="",
                completes_subgoal=True,
            )  # fmt: skip
        answers: dict[str, Answer] = {
            "ManagerReply": ManagerReply(
                thought="", subgoals=["Press it"], current=1, status="working"
            ),
            "ReflectorReply": ReflectorReply(verdict="A", subgoal_done=True),
            "NotetakerReply": NotetakerReply(notes=""),
            "VerifierReply": VerifierReply(complete=True),
            "ShortcutReply": ShortcutReply(worth_keeping=False),
            "TipsReply": TipsReply(tips=[]),
        }
        return answers[schema.__name__]

    return answer


def test_what_stands_under_the_finger_by_then_is_judged(
    touch: Callable[..., None], shop: Shop, say: Callable[[str], None], events: Events
) -> None:
    touch("Tap", AbsentHuman("assume"), while_it_thinks=lambda: say("Place order"))
    assert shop.pressed == []
    assert events(HumanAsked)[0].text == "pay: touch 'Place order' in Shop"


@pytest.mark.parametrize("action", ["Swipe", "Long_Press", "Double_Tap", "Tap"])
def test_no_kind_of_touch_presses_unasked(
    action: str, touch: Callable[..., None], shop: Shop, say: Callable[[str], None], events: Events
) -> None:
    say("Place order")
    touch(action, AbsentHuman("assume"))
    assert shop.pressed == []
    assert events(HumanAsked)


def test_a_yes_holds_for_what_was_asked_only(
    touch: Callable[..., None], shop: Shop, say: Callable[[str], None], events: Events
) -> None:
    say("Pay $5")

    def allow_five(request: HumanRequest) -> str:
        is_five = "$5'" in request.text
        say("Pay $500")
        return "yes" if is_five else "no"

    touch("Tap", CallbackHuman(allow_five))
    assert [event.text for event in events(HumanAsked)][:2] == [
        "pay: touch 'Pay $5' in Shop", "pay: touch 'Pay $500' in Shop"
    ]  # fmt: skip
    assert shop.pressed == []


def test_a_countdown_on_the_button_asks_once(
    touch: Callable[..., None], shop: Shop, say: Callable[[str], None], events: Events
) -> None:
    say("Pay $5 (29)")

    def allow(_: HumanRequest) -> str:
        say("Pay $5 (28)")
        return "yes"

    touch("Tap", CallbackHuman(allow))
    assert len(events(HumanAsked)) == 1
    assert shop.pressed == ["Pay $5 (28)"]


def test_a_rule_of_the_user_forbids_what_nobody_would_ask(
    touch: Callable[..., None],
    shop: Shop,
    say: Callable[[str], None],
    events: Events,
    tmp_path: Path,
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[rule]]\nthen = "deny"\napp = "org.example.*"\ntarget = "Add *"')
    touch("Tap", AbsentHuman("allow"), policy=PolicyRules.read(file))
    assert shop.pressed == []
    assert events(HumanAsked) == []


def test_a_rule_of_the_user_allows_what_would_ask(
    touch: Callable[..., None],
    shop: Shop,
    say: Callable[[str], None],
    events: Events,
    tmp_path: Path,
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[rule]]\nthen = "allow"\napp = "Shop"\nrisk = "pay"\namount_up_to = 10')
    say("Pay $5")
    touch("Tap", AbsentHuman("assume"), policy=PolicyRules.read(file))
    assert shop.pressed == ["Pay $5"]
    assert events(HumanAsked) == []
