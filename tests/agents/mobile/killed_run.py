"""Runs a task in a process of its own that is killed at a given event; started by test_resume."""

import os
import signal
import sys
from collections import Counter
from pathlib import Path

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.replies import ROLES
from tapgraph.agents.run.events import ModelCalled, RecordedEvent
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.memory import MemoryStore
from tapgraph.settings import Settings
from tapgraph.tools.mobile.appium_device import AppiumDevice


def main(url: str, spec: str, folder: Path, instruction: str, fatal: str, ordinal: int) -> None:
    seen: Counter[str] = Counter()

    def observe(recorded: RecordedEvent) -> None:
        event = recorded.event
        names = [event.kind]
        if isinstance(event, ModelCalled):
            names.append(event.role)
        seen.update(names)
        if fatal in names and seen[fatal] == ordinal:
            os.kill(os.getpid(), signal.SIGKILL)

    with (
        AppiumDevice.connect(url) as device,
        MemoryStore.open(folder / "memory.db") as memory,
    ):
        agent = PhoneAgent(
            device=device,
            model=open_models(spec, Settings(home=folder), roles=ROLES),
            memory=memory,
            on_event=observe,
        )
        agent.run(instruction, out=folder / "run")


if __name__ == "__main__":
    url, spec, folder, instruction, fatal, ordinal = sys.argv[1:]
    main(url, spec, Path(folder), instruction, fatal, int(ordinal))
