"""Runs a task in a process of its own that is killed at a given event; started by test_resume."""

import os
import signal
import sys
from collections import Counter
from pathlib import Path

from tapgraph.agents.api.agent import ApiAgent
from tapgraph.agents.api.replies import API_ROLES
from tapgraph.agents.run.events import ModelCalled, RecordedEvent
from tapgraph.agents.run.human import CallbackHuman
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.memory import MemoryStore
from tapgraph.settings import Settings
from tapgraph.tools.api.openapi import open_service
from tapgraph.tools.policy.rules import PolicyRules, Rule


def main(service: str, model: str, folder: Path, instruction: str, fatal: str, place: str) -> None:
    name, _, ordinal = fatal.partition("@")
    seen: Counter[str] = Counter()

    def observe(recorded: RecordedEvent) -> None:
        event = recorded.event
        names = [event.kind]
        if isinstance(event, ModelCalled):
            names.append(event.role)
        seen.update(names)
        if name in names and seen[name] == int(ordinal):
            os.kill(os.getpid(), signal.SIGKILL)

    with (
        open_service(f"{service}/openapi.json") as runner,
        MemoryStore.open(folder / "memory.db") as memory,
    ):
        agent = ApiAgent(
            runner=runner,
            model=open_models(model, Settings.from_environment(), roles=API_ROLES),
            memory=memory,
            human=CallbackHuman(lambda request: place),
            policy=PolicyRules((Rule("allow", tool="*"),)),
            on_event=observe,
        )
        agent.run(instruction, out=folder / "run")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
