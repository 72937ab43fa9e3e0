"""Who calls functions: the gold, or shared words."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import JsonValue

from tapgraph.evals.bfcl.call import Call, Transcript
from tapgraph.evals.bfcl.dataset import Conversation, Language, Question
from tapgraph.evals.bfcl.function_docs import catalog_of
from tapgraph.evals.bfcl.source_text import source_text
from tapgraph.evals.bfcl.world import World
from tapgraph.tools.api.catalog import ApiCatalog, ApiParameter

__all__ = ["Caller", "LexicalCaller", "OracleCaller", "withheld"]


class Caller(Protocol):
    """Somebody who calls functions."""

    @property
    def name(self) -> str:
        """What to call it in reports."""
        ...

    def answer(self, question: Question) -> Transcript:
        """The calls for a single turn."""
        ...

    def talk(self, conversation: Conversation) -> Transcript:
        """The calls for all turns."""
        ...


class OracleCaller:
    """Always right, as far as the data is: what the harness must score 100 %."""

    name = "oracle"

    def answer(self, question: Question) -> Transcript:
        """The gold calls with the first value of each argument."""
        if question.gold is None:
            is_relevant = "irrelevance" not in question.category
            made = [Call(question.functions[0]["name"])] if is_relevant else []
        else:
            made = [
                Call(name, _first_values(name, possible, question))
                for one in question.gold
                for name, possible in one.items()
            ]
        return Transcript(turns=((tuple(made),),))

    def talk(self, conversation: Conversation) -> Transcript:
        """The gold calls of each turn, one step each."""
        world = World(conversation)
        turns = tuple(tuple((world.read(line),) for line in lines) for lines in conversation.gold)
        return Transcript(turns=turns)


def _first_values(name: str, possible: Mapping[str, Sequence[Any]], question: Question) -> Any:
    described = next((one for one in question.functions if one["name"] == name), {})
    parameters = described.get("parameters", {})
    properties = parameters.get("properties", {})
    values = {
        name: "" if set(map(str, held)) == {""} else _first(held)
        for name, held in possible.items()
        if name in properties
        and (name in parameters.get("required", ()) or any(one != "" for one in held))
    }
    if question.language == "python":
        return values
    return {
        name: source_text(value, properties[name], question.language)
        for name, value in values.items()
    }


def _first(possible: Any) -> Any:
    if not isinstance(possible, list):
        return possible
    value = next((one for one in possible if one != ""), "")
    if isinstance(value, dict):
        return {
            name: _first(held)
            for name, held in value.items()
            if not isinstance(held, list) or any(one != "" for one in held)
        }
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return [_first([one]) for one in value]
    return value


class LexicalCaller:
    """The function that shares the most telling words with what is said, filled from the text.

    Numbers, quoted texts and names stand in the order in which they are said; of an enumeration the
    value that is said, else the default or the first. Where no function shares a word, nothing is
    called. It calls once in a turn: a baseline that needs no model.
    """

    name = "lexical"

    def answer(self, question: Question) -> Transcript:
        """At most one call."""
        catalog = catalog_of(question.functions, question.language)
        words = " ".join(one.text for one in question.messages if one.role == "user")
        return Transcript(turns=((_likeliest(catalog, words, question.language),),))

    def talk(self, conversation: Conversation) -> Transcript:
        """At most one call for each turn."""
        turns = []
        world = World(conversation)
        for number, said in enumerate(conversation.turns):
            catalog = world.offered(withheld(conversation, number))
            words = " ".join(one.text for one in said)
            turns.append((_likeliest(catalog, words, "python"),))
        return Transcript(turns=tuple(turns))


def _likeliest(catalog: ApiCatalog, words: str, language: Language) -> tuple[Call, ...]:
    found = catalog.search(words, limit=1)
    if not found:
        return ()
    texts = _Texts(words)
    given = {
        one.name: value if language == "python" else _source(value)
        for one in found[0].parameters
        if one.required and (value := texts.value_for(one)) is not None
    }
    return (Call(found[0].identifier, given),)


def _source(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class _Texts:
    """What a text holds that could be a value; each is taken once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._numbers = re.findall(r"-?\d+(?:\.\d+)?", text.replace(",", ""))
        quoted = [first or second for first, second in re.findall(r"'([^']+)'|\"([^\"]+)\"", text)]
        names = re.findall(r"(?<![.?!] )(?<!^)\b[A-Z]\w+(?: [A-Z]\w+)*", text)
        self._words: list[str] = [*quoted, *names]

    def value_for(self, parameter: ApiParameter) -> JsonValue:
        """The likeliest value; None where there is none."""
        if parameter.choices:
            said = [one for one in parameter.choices if one.lower() in self._text.lower()]
            return said[0] if said else parameter.default or parameter.choices[0]
        match parameter.type:
            case "integer" | "number" if self._numbers:
                number = self._numbers.pop(0)
                return float(number) if "." in number else int(number)
            case "boolean":
                return True
            case "list" if self._numbers and '"string"' not in parameter.json_schema:
                numbers, self._numbers = self._numbers, []
                return [float(one) if "." in one else int(one) for one in numbers]
            case "text" | "any" if self._words:
                return self._words.pop(0)
            case _:
                return parameter.default


def withheld(conversation: Conversation, turn: int) -> set[str]:
    """What is not offered in a turn, counted from 0."""
    later = {
        name for first, names in conversation.held_back.items() if turn < first for name in names
    }
    return {*conversation.excluded, *later}
