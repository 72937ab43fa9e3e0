"""A run with a tool and a node of one's own, killed inside of one of them or gone on with.

`python killed_own.py APPIUM_URL MODEL FOLDER tool|node|nowhere`; started by the tests.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime
from pydantic import BaseModel

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.llm_backend.messages import Message, system, user
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.settings import Settings
from tapgraph.tools.mobile.appium_device import AppiumDevice


class Advice(BaseModel):
    words: str


def main(url: str, spec: str, folder: Path, fatal: str) -> None:
    other = open_model(spec, Settings(home=folder))

    def answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
        """Rings the bell in the first step, then says what the model says."""
        if schema is Advice:
            return Advice(words="mind the gap")
        text = messages[-1].text
        if schema and issubclass(schema, OperatorReply) and "ring_bell" not in text:
            return OperatorReply(action="ring_bell")
        return other.reply(messages, schema=schema)

    def ring_bell() -> str:
        """Rings the bell."""
        with (folder / "rung").open("a", encoding="utf-8") as rung:
            rung.write("ring\n")
        if fatal == "tool":
            os.kill(os.getpid(), signal.SIGKILL)
        return "rung"

    def guard(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
        question = system("You are the Guard."), user(state["instruction"])
        said = runtime.context.ask("guard", state, question, Advice)
        if fatal == "node":
            os.kill(os.getpid(), signal.SIGKILL)
        return {"advice": {"guard": said.words}}

    with AppiumDevice.connect(url) as device:
        agent = PhoneAgent(
            device, RoleModels(ScriptedModel(answer)), tools=[ring_bell], nodes={"guard": guard}
        )
        run = folder / "run"
        is_new = not (run / "run.json").exists()
        result = agent.run("Turn on the alarm at 08:30", out=run) if is_new else agent.resume(run)
    sys.exit(result.outcome.exit_code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4])
