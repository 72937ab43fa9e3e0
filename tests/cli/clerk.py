"""A model that does one deed after the other, and believes what it sees; fixture `clerk`."""

import json
import re
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeAlias

__all__ = ["Clerk", "Deed"]

Deed: TypeAlias = tuple[str, str | tuple[int, int]]
"""An action, and what it is done with: words on the screen, a point, or words of its own."""


class Clerk:
    """Answers requests, as `openai_server` asks for it, until `is_done` of what is shown."""

    def __init__(
        self, brain: ModuleType, deeds: Sequence[Deed], is_done: Callable[[str], bool] | None = None
    ) -> None:
        self._brain = brain
        self._deeds = list(deeds)
        self._is_done = is_done or (lambda _shown: len(self.shown) == len(self._deeds))
        self.shown: list[str] = []

    def __call__(self, request: dict[str, Any]) -> object:
        role = self._brain.role_of(request).__name__
        shown = self._brain.text_of(request["messages"][1])
        if role == "OperatorReply":
            self.shown.append(shown)
            return json.dumps(self._deed(shown))
        is_done = self._is_done(shown)
        replies: dict[str, dict[str, Any]] = {
            "ManagerReply": {
                "thought": "One thing.",
                "subgoals": ["Do it"],
                "current": 1,
                "status": "finished" if is_done else "working",
            },
            "ReflectorReply": {
                "verdict": "A",
                "progress": "more is filled in",
                "subgoal_done": is_done,
            },
            "NotetakerReply": {"notes": ""},
            "VerifierReply": {"complete": is_done},
            "ShortcutReply": {"worth_keeping": False},
            "TipsReply": {"tips": []},
        }
        return json.dumps(replies[role])

    def _deed(self, shown: str) -> dict[str, Any]:
        name, given = self._deeds[len(self.shown) - 1]
        arguments: dict[str, Any] = {}
        if isinstance(given, tuple):
            arguments = {"x": given[0], "y": given[1]}
        elif name == "Tap":
            lines = re.findall(rf'^\[(\d+)\] (?!text)[a-z]+ "{given}" \(', shown, re.MULTILINE)
            arguments = {"element": int(lines[-1])}
        elif given:
            arguments = {{"Open_App": "app_name", "Ask_User": "question"}.get(name, "text"): given}
        return {
            "thought": "Next.",
            "call": {"action": name, "arguments": arguments},
            "description": f"{name} {given}",
            "completes_subgoal": len(self.shown) == len(self._deeds),
        }
