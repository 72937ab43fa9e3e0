"""A task for the example's service, and a model that does it by reading what it is shown."""

import json
import re
from dataclasses import dataclass
from typing import Any

INSTRUCTION = (
    "Put a project meeting of an hour into my calendar right after the dentist on 2 March 2026, "
    "and write a note that says where it takes place. Ask me for the place."
)
PLACE = "The <blue> room"
TITLE = "Project meeting"


@dataclass(frozen=True)
class Step:
    """A step as the prompt shows it."""

    number: int
    words: str
    gave: str

    @property
    def is_done(self) -> bool:
        return self.words.endswith("-> done")


def steps_in(prompt: str) -> list[Step]:
    block = prompt.partition("<steps>\n")[2].partition("\n</steps>")[0]
    found = re.findall(r"^\[(\d+)\] (.*)(?:\n  gave (.*))?$", block, re.MULTILINE)
    return [Step(int(number), words, gave) for number, words, gave in found]


def respond(request: dict[str, Any]) -> str:
    """For the fixture `openai_server`."""
    schema = request["response_format"]["json_schema"]["name"]
    return answer(schema, str(request["messages"][-1]["content"]))


def answer(schema: str, prompt: str) -> str:
    replies: dict[str, dict[str, Any]] = {
        "VerifierReply": {"complete": True},
        "TipsReply": {"tips": ["List the events of a day before adding one."]},
    }
    return json.dumps(replies.get(schema) or {"thought": "", **next_action(steps_in(prompt))})


def next_action(steps: list[Step]) -> dict[str, Any]:
    listed = last(steps, "call list_events")
    asked = last(steps, "ask_user")
    added = last(steps, "call add_event")
    if listed is None:
        return call("list_events", day="2026-03-02")
    if asked is None:
        return {"action": "ask_user", "question": "Where does the meeting take place?"}
    if added is None:
        if is_unsure(steps):
            return call("list_events", day="2026-03-02")
        if TITLE not in listed.gave:
            return call(
                "add_event",
                title=TITLE,
                start={"from_call": listed.number, "pointer": "/0/end"},
                end="2026-03-02T11:30",
                place={"from_call": asked.number},
            )
    if last(steps, "call add_note") is None:
        looked = last(steps, "call list_notes")
        if is_unsure(steps):
            return call("list_notes", contains=TITLE)
        if looked is None or TITLE not in looked.gave:
            return call("add_note", title=TITLE, body={"from_call": asked.number})
    place = {"from_call": asked.number}
    return {"action": "finish", "answer": {"place": place}}


def is_unsure(steps: list[Step]) -> bool:
    return bool(steps) and "may or may not have been carried out" in steps[-1].words


def call(api: str, **arguments: Any) -> dict[str, Any]:
    return {"action": "call", "api": api, "arguments": arguments}


def last(steps: list[Step], words: str) -> Step | None:
    return next(
        (one for one in reversed(steps) if one.is_done and one.words.startswith(words)), None
    )


def is_done(state: Any) -> bool:
    """Whether the service holds one meeting and one note, as asked for."""
    events = [one for one in state.events.values() if one.title == TITLE]
    notes = [one for one in state.notes.values() if one.title == TITLE]
    return (
        [(one.start, one.end, one.place) for one in events]
        == [("2026-03-02T10:30", "2026-03-02T11:30", PLACE)]
        and [one.body for one in notes] == [PLACE]
    )  # fmt: skip
