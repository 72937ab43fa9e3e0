"""tapgraph as an agent of MobileWorld, whose runner takes it as a file.

    mw eval --agent_type mobile_world_agent.py --model_name NAME --llm_base_url URL …

MobileWorld's loop asks for one action at a time, so that the agent works in a thread of its own on
a phone that is lent to it. The hierarchy of views, which MobileWorld shows no agent, comes from the
server of its environment. Questions go to MobileWorld's user. Clearing a field and the recent apps
are not among its actions: the agent is told so, and finds another way.
"""

import dataclasses
from contextlib import ExitStack
from typing import Any

import httpx
from mobile_world.agents.base import BaseAgent
from mobile_world.runtime.utils.models import APP_DICT, JSONAction

from tapgraph.agents import Budget, Outcome, PhoneAgent
from tapgraph.agents.run.human import CallbackHuman, HumanRequest
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.settings import Settings
from tapgraph.tools.mobile import actions
from tapgraph.tools.mobile.actions import Action
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.lent_device import LentDevice, Loan, Sight

_TIMEOUT_S = 60
_STEPS = 200
"""More than MobileWorld ever allows: its own limit ends a task."""


class TapgraphAgent(BaseAgent):  # type: ignore[misc]
    """The phone agent, with any model behind an OpenAI-compatible server."""

    def __init__(
        self, *, model_name: str, llm_base_url: str, env: Any, api_key: str | None = None, **_: Any
    ) -> None:
        super().__init__()
        settings = dataclasses.replace(Settings.from_environment(), model_api_key=api_key)
        self._model = open_model(f"{llm_base_url}#{model_name}", settings)
        self._server, self._phone = env.base_url, env.device
        self._lent = ExitStack()
        self._loan: Loan[Any] | None = None

    def initialize_hook(self, instruction: str) -> None:
        """Begin a task."""
        self.reset()
        device = LentDevice(
            name="mobileworld",
            apps=[AppInfo(package, label) for label, package in APP_DICT.items()],
        )

        def answer(request: HumanRequest) -> str:
            return "yes" if request.kind == "confirmation" else device.ask(request.text)

        agent = PhoneAgent(
            device,
            self._model,
            budget=Budget(max_steps=_STEPS),
            human=CallbackHuman(answer),
        )
        self._loan = self._lent.enter_context(device.lend(lambda: agent.run(instruction)))

    def predict(self, observation: dict[str, Any]) -> tuple[str, Any]:
        """The next action, or how the task ended."""
        if self._loan is None:
            raise RuntimeError("predict() was called before initialize()")
        sight = self._sight(observation)
        while (action := self._loan.next_action(sight)) is not None:
            if made := _as_theirs(action):
                return str(action), JSONAction(**made)
            name = type(action).wire_name
            sight = dataclasses.replace(sight, error=f"this phone cannot do {name}", reply="")
        result: Any = self._loan.result
        if result.answer:
            return result.reason, JSONAction(action_type="answer", text=result.answer)
        is_done = result.outcome is Outcome.SUCCESS
        return result.reason, JSONAction(action_type="finished" if is_done else "unknown")

    def reset(self) -> None:
        """Take the phone away from a task that still goes on."""
        self._lent.close()
        self._loan = None

    def _sight(self, observation: dict[str, Any]) -> Sight:
        front = str(self._asked("/state").get("current_activity") or "")
        return Sight(
            picture=observation["screenshot"],
            tree_xml=str(self._asked("/xml", mode="uia", return_content=True).get("content") or ""),
            app=AppInfo(front, {name: label for label, name in APP_DICT.items()}.get(front, front)),
            reply=observation.get("ask_user_response") or "",
        )

    def _asked(self, path: str, **parameters: Any) -> dict[str, Any]:
        """What the environment's server tells; nothing where it cannot now."""
        told = httpx.get(
            f"{self._server}{path}",
            params={"device": self._phone, **parameters},
            timeout=_TIMEOUT_S,
        )
        return dict(told.json()) if told.is_success else {}


def _as_theirs(action: Action) -> dict[str, Any] | None:
    """The fields of MobileWorld's action; None where it has none such."""
    match action:
        case actions.Tap(x, y):
            return {"action_type": "click", "x": x, "y": y}
        case actions.DoubleTap(x, y):
            return {"action_type": "double_tap", "x": x, "y": y}
        case actions.LongPress(x, y):
            return {"action_type": "long_press", "x": x, "y": y}
        case actions.Swipe(x1, y1, x2, y2):
            return {"action_type": "drag", "start_x": x1, "start_y": y1, "end_x": x2, "end_y": y2}
        case actions.Type(text):
            return {"action_type": "input_text", "text": text}
        case actions.OpenApp(name):
            return {"action_type": "open_app", "app_name": name}
        case actions.AskUser(question):
            return {"action_type": "ask_user", "text": question}
    plain = {
        actions.Enter: "keyboard_enter",
        actions.Back: "navigate_back",
        actions.Home: "navigate_home",
        actions.Wait: "wait",
    }
    kind = plain.get(type(action))
    return None if kind is None else {"action_type": kind}
