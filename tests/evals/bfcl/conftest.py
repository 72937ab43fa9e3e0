"""A stand-in for the package `bfcl-eval`: a few tasks of our own in its form."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapgraph.evals.bfcl import world
from tapgraph.evals.bfcl.dataset import CATEGORIES

CONVERTER = """
def {name}(value, kind, nested=None):
    return int(value) if kind == "integer" else value
"""
TICKETS = '''
class TicketAPI:
    """Keeps tickets."""

    def __init__(self):
        self.tickets = []
        self._log = []

    def _load_scenario(self, scenario, long_context=False):
        self.tickets = list(scenario.get("tickets", []))

    def open_ticket(self, title: str, priority: int = 1) -> dict:
        """Opens a ticket.

        Args:
            title: What is wrong.
            priority: From 1 to 5.
        """
        if priority > 5:
            raise KeyError("no such priority")
        self._log.append(title)
        self.tickets.append([title, priority])
        return {"id": len(self.tickets)}

    def read_ticket(self, number: int) -> str:
        """Reads a ticket."""
        return self.tickets[number - 1][0]

    def drop_tickets(self) -> None:
        """Removes all tickets."""
        self.tickets.clear()
'''
WEATHER = {
    "name": "weather.now",
    "description": "Tells the weather of a city.",
    "parameters": {
        "type": "dict",
        "properties": {
            "city": {"type": "string", "description": "Which city."},
            "days": {"type": "integer"},
            "share": {"type": "float"},
            "near": {"type": "array", "items": {"type": "string"}},
            "place": {"type": "dict", "properties": {"zip": {"type": "string"}}},
        },
        "required": ["city"],
    },
}
MUSIC = {
    "name": "play",
    "description": "Plays music by an artist.",
    "parameters": {
        "type": "dict",
        "properties": {"artist": {"type": "string"}},
        "required": ["artist"],
    },
}
PARTS = {
    "name": "Parts.count",
    "description": "Counts parts.",
    "parameters": {"type": "dict", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
}
SUNNY = [{"weather.now": {"city": ["New York", "NYC"], "days": [2, ""], "share": [0.5, ""]}}]


def asked(name: str, words: str, *functions: Any) -> dict[str, Any]:
    said = [[{"role": "user", "content": words}]]
    return {"id": name, "question": said, "function": list(functions)}


TALK = {
    "id": "multi_turn_base_0",
    "question": [
        [{"role": "user", "content": "Open a ticket 'Leak' of priority 3."}],
        [{"role": "user", "content": "What does ticket 1 say?"}],
    ],
    "initial_config": {"TicketAPI": {"tickets": []}},
    "involved_classes": ["TicketAPI"],
    "excluded_function": ["drop_tickets"],
}
TALK_GOLD = [["open_ticket('Leak', priority=3)"], ["read_ticket(number=1)"]]
HELD = {
    **TALK,
    "id": "multi_turn_miss_func_0",
    "question": [*TALK["question"], []],
    "missed_function": {"2": ["read_ticket"]},
}
QUESTIONS: dict[str, list[dict[str, Any]]] = {
    "simple_python": [asked("simple_python_0", "The weather in New York for 2 days?", WEATHER)],
    "simple_java": [asked("simple_java_0", "Count 7 parts.", PARTS)],
    "multiple": [asked("multiple_0", "The weather in New York?", MUSIC, WEATHER)],
    "parallel": [asked("parallel_0", "Play music by Air and by Cake.", MUSIC)],
    "irrelevance": [asked("irrelevance_0", "Solve this equation.", MUSIC)],
    "live_relevance": [asked("live_relevance_0", "Tell me the weather.", WEATHER)],
    "multi_turn_base": [TALK],
    "multi_turn_miss_func": [HELD],
}
ANSWERS: dict[str, list[Any]] = {
    "simple_python": [SUNNY],
    "simple_java": [[{"Parts.count": {"n": [7]}}]],
    "multiple": [SUNNY],
    "parallel": [[{"play": {"artist": ["Air"]}}, {"play": {"artist": ["Cake"]}}]],
    "multi_turn_base": [TALK_GOLD],
    "multi_turn_miss_func": [[TALK_GOLD[0], [], TALK_GOLD[1]]],
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The stand-in, in the place of an installed package."""
    root = tmp_path / "packages" / "bfcl_eval"
    checker = root / "eval_checker"
    sources = checker / "multi_turn_eval" / "func_source_code"
    converters = checker / "ast_eval" / "type_convertor"
    for folder in (root / "data" / "possible_answer", sources, converters):
        folder.mkdir(parents=True)
    for folder in (root, checker, sources.parent, sources, converters.parent, converters):
        (folder / "__init__.py").touch()
    (sources / "ticket_api.py").write_text(TICKETS, "utf-8")
    for short in ("java", "js"):
        text = CONVERTER.format(name=f"{short}_type_converter")
        (converters / f"{short}_type_converter.py").write_text(text, "utf-8")
    for category in CATEGORIES:
        rows, gold = QUESTIONS.get(category, []), ANSWERS.get(category)
        _write(root / "data" / f"BFCL_v4_{category}.json", rows)
        if gold is not None:
            answers = [
                {"id": row["id"], "ground_truth": one} for row, one in zip(rows, gold, strict=True)
            ]
            _write(root / "data" / "possible_answer" / f"BFCL_v4_{category}.json", answers)
    world._catalog.cache_clear()
    before = {name for name in sys.modules if name.startswith("bfcl_eval")}
    monkeypatch.syspath_prepend(str(root.parent))
    for name in before:
        monkeypatch.delitem(sys.modules, name)
    yield root
    world._catalog.cache_clear()
    for name in [one for one in sys.modules if one.startswith("bfcl_eval")]:
        del sys.modules[name]


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
