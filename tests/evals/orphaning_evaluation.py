"""Evaluates with two workers in a process of its own, which a worker kills."""

import os
import signal
import sys
from pathlib import Path

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.evals.evaluate import evaluate
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.phone.baselines import PhoneAgents
from tapgraph.evals.suite import Task
from tapgraph.tools.mobile.device import Device


def kill_the_parent(device: Device, task: Task, seed: int) -> PhoneAgent:
    os.kill(os.getppid(), signal.SIGKILL)
    return PhoneAgents("null")(device, task, seed)


if __name__ == "__main__":
    evaluate(open_suite(sys.argv[1]), kill_the_parent, out=Path(sys.argv[2]), workers=2)
