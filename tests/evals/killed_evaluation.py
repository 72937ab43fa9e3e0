"""Evaluates in a process of its own, which is killed in the middle of the third trial."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.evals.evaluate import Plan, evaluate
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.phone.baselines import PhoneAgents
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.evals.suite import Task
from tapgraph.llm_backend.chat_model import Reply
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Route
from tapgraph.tools.mobile.simulator.phone import Phone


class Killing(Demonstrator):
    """Ends the process when it is asked for the sixth time."""

    def __init__(self, route: Route, phone: Phone) -> None:
        super().__init__(route, phone)
        self._asked = 0

    def reply(self, *arguments: Any, **options: Any) -> Reply:
        self._asked += 1
        if self._asked == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().reply(*arguments, **options)


def main(suite_file: str, model: str, out: Path) -> None:
    agents = PhoneAgents(model)
    begun: list[str] = []

    def make_agent(device: Device, task: Task, seed: int) -> PhoneAgent:
        begun.append(task.id)
        if len(begun) == 3:
            assert isinstance(device, SimulatedDevice)
            assert task.route is not None
            return PhoneAgent(device, Killing(task.route, device.phone))
        return agents(device, task, seed)

    evaluate(open_suite(suite_file), make_agent, out=out, plan=Plan(seeds=2), agent=model)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
