"""What a server answers when it plays the phone agent's model, in the words of many models.

A model that knows what to do is asked for each request of the wire; this module says its reply
as other models would: with points in other numbers, after detours, in the format of a GUI model.
Tests get it from the fixture `phone_brain`.
"""

import base64
import io
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from pydantic import BaseModel

from tapgraph.agents.mobile.replies import (
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    TipsReply,
    VerifierReply,
)
from tapgraph.evals.phone.role_prompt import read_prompt
from tapgraph.llm_backend.chat_model import ChatModel, ModelTraits, Reply, Usage
from tapgraph.llm_backend.messages import Message, user
from tapgraph.tools.mobile.actions import Action, action_to_wire

Request = dict[str, Any]
Words = str | dict[str, Any]

PHONE_PX = (1080, 2400)
TELL = "Tell the user the result"

_ROLES: Mapping[str, type[BaseModel]] = {
    "You are the Manager": ManagerReply,
    "You are the Operator": OperatorReply,
    "You operate a phone": OperatorReply,
    "You are the Reflector": ReflectorReply,
    "You are the Notetaker": NotetakerReply,
    "You check whether": VerifierReply,
    "You look back at a finished": ShortcutReply,
    "You look back at a phone": TipsReply,
}
_HEAD = re.compile(r'^app "(?:[^"\\]|\\.)*" \S+, (\d+)x(\d+), keyboard', re.MULTILINE)
_LINE = re.compile(r'^(\[(\d+)\] [a-z]+ "(?:[^"\\\n]|\\.)*") \((\d+),(\d+)\)', re.MULTILINE)
_POINTS = (("x", "y"), ("x1", "y1"), ("x2", "y2"))


def role_of(request: Request) -> type[BaseModel]:
    """Who is asked, by the schema that is wanted or else by the beginning of the system message."""
    wanted = request.get("response_format", {}).get("json_schema", {}).get("name")
    named = {role.__name__: role for role in _ROLES.values()}
    if wanted in named:
        return named[wanted]
    system = text_of(request["messages"][0])
    return next(role for words, role in _ROLES.items() if system.startswith(words))


def text_of(message: Mapping[str, Any]) -> str:
    """The words of a message."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def pictures_of(request: Request) -> list[Image.Image]:
    """The pictures of all messages."""
    urls = [
        part["image_url"]["url"]
        for message in request["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]
    return [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


def as_object(reply: OperatorReply) -> str:
    """The reply as the schema of `offered_reply` has it."""
    said = reply.model_dump(mode="json")
    call = {"action": said.pop("action"), "arguments": said.pop("arguments")}
    return json.dumps(said | {"call": call})


class ReadsWords:
    """A model that knows nothing but its prompt: it opens Clock and turns the alarm at 08:30 on."""

    traits = ModelTraits("reader of its prompt")

    def reply(
        self, messages: Sequence[Message], *, schema: type[BaseModel] | None = None, **_: Any
    ) -> Reply:
        prompt = read_prompt(messages[-1].text)
        alarm = next((e for e in prompt.glance.elements if e.text.startswith("08:30")), None)
        is_on = alarm is not None and "checked" in alarm.states
        said: BaseModel
        if schema is ManagerReply:
            plan = prompt.sections["Plan so far"]
            is_over = is_on or (bool(plan) and "(current)" not in plan)
            said = ManagerReply(
                thought="", subgoals=["Turn the alarm on"], current=1,
                status="finished" if is_over else "working",
            )  # fmt: skip
        elif schema is ReflectorReply:
            said = ReflectorReply(
                verdict="A", progress=f"{int(is_on)} of 1 subgoals are done.", subgoal_done=is_on
            )
        elif schema is NotetakerReply:
            said = NotetakerReply(notes=prompt.notes)
        elif schema is VerifierReply:
            said = VerifierReply(complete=True)
        elif schema is ShortcutReply:
            said = ShortcutReply(worth_keeping=False)
        elif schema is TipsReply:
            said = TipsReply(tips=[])
        else:
            call: tuple[str, dict[str, Any]] = ("Open_App", {"app_name": "Clock"})
            if alarm is not None:
                call = ("Tap", {"element": alarm.number})
            said = OperatorReply(
                thought="Clock is not in front, so I open it.", action=call[0], arguments=call[1],
                description="It answers.",
            )  # fmt: skip
        return Reply(said.model_dump_json(), parsed=said, usage=Usage(0, 0), model="reader")


@dataclass
class PhoneBrain:
    """Answers requests, as `openai_server` asks for it.

    Attributes:
        model: knows what to do; unless told, only how to turn on the alarm at 08:30.
        say: the words of an Operator's reply, whose points stand in the model's own numbers.
        opens_apps: whether the Operator can; else it goes home and taps the app's icon.
        points_only: the Operator names no elements.
        shares: points are shares from 0 to 1, where the prompt shows thousandths.
        opening: what the Operator does before the demonstrator takes over, points in pixels.
        result: what the user is told at the end; empty for a task that asks nothing.
        eyes: gives the block of the screen as it really is, for a model that is shown pictures.
    """

    model: ChatModel = field(default_factory=ReadsWords)
    say: Callable[[OperatorReply], Words] = as_object
    opens_apps: bool = True
    points_only: bool = False
    shares: bool = False
    opening: Sequence[Action] = ()
    result: str = ""
    eyes: Callable[[], str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _acted: int = 0

    def __call__(self, request: Request) -> object:
        """The reply to a request."""
        role = role_of(request)
        shown = text_of(request["messages"][1])
        if role is OperatorReply:
            return self.say(self._in_own_numbers(self._decided(shown), shown))
        reply = self._demonstrated(shown, role)
        if isinstance(reply, ManagerReply) and self.result:
            return self._with_answer(reply, shown)
        return reply

    def _decided(self, shown: str) -> OperatorReply:
        with self._lock:
            self._acted += 1
            turn = self._acted - 1
        if turn < len(self.opening):
            wire = action_to_wire(self.opening[turn])
            return OperatorReply(
                thought="I look around.",
                action=str(wire["name"]),
                arguments=wire["arguments"],  # type: ignore[arg-type]
                description="Something else is seen.",
            )
        if self.result and f"## Current subgoal\n{TELL}\n" in shown:
            return OperatorReply(
                thought="All is done.", action="Answer", arguments={"text": self.result}
            )
        reply = self._demonstrated(shown, OperatorReply)
        assert isinstance(reply, OperatorReply)
        return reply

    def _demonstrated(self, shown: str, role: type[BaseModel]) -> BaseModel:
        before, fence, screen = shown.rpartition("\n<screen>\n")
        if fence and self.eyes is not None:
            screen = self.eyes().removeprefix("<screen>\n")
        seen = PHONE_PX if self.eyes is not None else _size(shown)
        in_pixels = _LINE.sub(lambda line: _line_in_pixels(line, seen), screen)
        reply = self.model.reply([user(before + fence + in_pixels)], schema=role).parsed
        assert reply is not None
        return self._as_it_can(reply, in_pixels) if isinstance(reply, OperatorReply) else reply

    def _as_it_can(self, reply: OperatorReply, screen: str) -> OperatorReply:
        lines = list(_LINE.finditer(screen))
        target = reply.arguments.get("element")
        named = [line for line in lines if line[2] == str(target)]
        if reply.action == "Open_App" and not self.opens_apps:
            icon = f'button "{reply.arguments["app_name"]}"'
            named = [line for line in lines if line[1].endswith(icon)]
            if not named:
                return reply.model_copy(update={"action": "Home", "arguments": {}})
        elif not self.points_only:
            return reply
        if not named:
            return reply
        place = {"x": int(named[0][3]), "y": int(named[0][4])}
        return reply.model_copy(update={"action": "Tap", "arguments": place})

    def _in_own_numbers(self, reply: OperatorReply, shown: str) -> OperatorReply:
        arguments = dict(reply.arguments)
        for names in _POINTS:
            for name, seen_px, phone_px in zip(names, _size(shown), PHONE_PX, strict=True):
                value = arguments.get(name)
                if isinstance(value, int):
                    own = value * seen_px / phone_px
                    arguments[name] = round(own / seen_px, 4) if self.shares else round(own)
        return reply.model_copy(update={"arguments": arguments})

    def _with_answer(self, reply: ManagerReply, shown: str) -> ManagerReply:
        """The plan with the answer as its last part."""
        plan = shown.partition("## Plan so far\n")[2].partition("\n## ")[0]
        last = len(reply.subgoals) + 1
        is_over = reply.status == "finished"
        return ManagerReply(
            thought=reply.thought,
            subgoals=[*reply.subgoals, TELL],
            current=last if is_over or f"{TELL} (current)" in plan else reply.current,
            status="finished" if is_over and f"{TELL} (done)" in plan else "working",
        )


def _size(shown: str) -> tuple[int, int]:
    """Width and height in the numbers in which the prompt shows the screen."""
    head = _HEAD.search(shown.rpartition("\n<screen>\n")[2])
    return (int(head[1]), int(head[2])) if head else PHONE_PX


def _line_in_pixels(line: re.Match[str], seen: tuple[int, int]) -> str:
    x, y = (
        round(int(place) * phone_px / seen_px)
        for place, phone_px, seen_px in zip((line[3], line[4]), PHONE_PX, seen, strict=True)
    )
    return f"{line[1]} ({x},{y})"
