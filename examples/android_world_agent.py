"""tapgraph as an agent of AndroidWorld, which pins other packages: use an environment of its own.

Give it to AndroidWorld's `run.py` where its agents are made:

    agent = TapgraphAgent(env, "openai:NAME", appium_url="http://127.0.0.1:4723")

A whole task is done in one step, over an Appium server on the same emulator: AndroidWorld's budget
of steps is the agent's. The answer of a task that asks for one goes through AndroidWorld, which
reads it there, and so does the word that a task is done or cannot be.
"""

from typing import Any

from android_world.agents import base_agent
from android_world.env import json_action

from tapgraph.agents import Budget, Outcome, PhoneAgent
from tapgraph.tools.mobile import AppiumDevice

_STEPS = 40


class TapgraphAgent(base_agent.EnvironmentInteractingAgent):  # type: ignore[misc]
    """The phone agent, with any model, against AndroidWorld's tasks."""

    def __init__(
        self,
        env: Any,
        model: str,
        *,
        appium_url: str = "http://127.0.0.1:4723",
        udid: str | None = None,
        name: str = "tapgraph",
    ) -> None:
        super().__init__(env, name)
        self._model = model
        self._appium_url = appium_url
        self._udid = udid

    def step(self, goal: str) -> Any:
        """Do the task; always the last step of an episode."""
        budget = Budget(max_steps=self._max_steps or _STEPS)
        with AppiumDevice.connect(self._appium_url, udid=self._udid) as phone:
            result = PhoneAgent(phone, self._model, budget=budget).run(goal)
        if result.answer:
            self._say(action_type="answer", text=result.answer)
        is_done = result.outcome is Outcome.SUCCESS
        self._say(action_type="status", goal_status="complete" if is_done else "infeasible")
        told = {"outcome": str(result.outcome), "reason": result.reason, "run": str(result.folder)}
        return base_agent.AgentInteractionResult(done=True, data=told)

    def _say(self, **action: str) -> None:
        self.env.execute_action(json_action.JSONAction(**action))
