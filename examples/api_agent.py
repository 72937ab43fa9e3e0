"""The API agent does a task against a small HTTP service, with a typed answer.

python examples/api_agent.py http://localhost:8000/v1#NAME ["TASK"]

The service is `notes_calendar_service.py`, started here on a free port of this machine; its first
answer to a new event is an error of the server, which the agent has to survive. Questions of the
agent are answered with a fixed text, where a program would ask its user.
"""

import sys

from notes_calendar_service import start
from pydantic import BaseModel

from tapgraph.agents import ApiAgent
from tapgraph.agents.run.human import CallbackHuman, HumanRequest
from tapgraph.tools.api.openapi import open_service

TASK = (
    "Put a project meeting of an hour into my calendar right after the dentist on 2 March 2026, "
    "and write a note that says where it takes place. Ask me for the place."
)


class Meeting(BaseModel):
    """What the user wants to know at the end."""

    place: str


def answer(request: HumanRequest) -> str:
    """What a user would say: yes to risky calls, and the place to every question."""
    print(f"{request.kind}: {request.text}")
    return "yes" if request.kind == "confirmation" else "The <blue> room"


with start() as service, open_service(f"{service.url}/openapi.json") as runner:
    agent = ApiAgent(runner, sys.argv[1], human=CallbackHuman(answer))
    task = sys.argv[2] if len(sys.argv) > 2 else TASK
    result = agent.run(task, answer_type=Meeting)
    print(result.outcome, result.answer_object, sep=", ")
    print(*service.state.events.values(), *service.state.notes.values(), sep="\n")
