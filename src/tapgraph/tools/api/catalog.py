"""What an agent knows about APIs: names, parameters, words; and how it finds the ones it needs."""

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.api.json_value import excerpt, json_line, one_line
from tapgraph.tools.api.retrieval import LexicalIndex, Vocabulary, words_of
from tapgraph.tools.api.schema_words import TYPES, ParameterType, SchemaWords
from tapgraph.tools.token_estimate import estimate_tokens

__all__ = [
    "Api",
    "ApiCatalog",
    "ApiParameter",
    "Effect",
    "Scalar",
    "arguments_schema",
]

Scalar: TypeAlias = str | int | float | bool
Effect = Literal["reads", "changes", "destroys", "unknown"]
"""What a call does to what is there, as far as the catalogue tells."""

_LONGEST_NAME = 300
_LONGEST_BRIEF = 80
_JSON_TYPES: dict[ParameterType, str] = {
    "enumeration": "string",
    **{kind: name for name, kind in TYPES.items()},
}


@dataclass(frozen=True, slots=True)
class ApiParameter:
    """One thing that an API wants to know.

    Attributes:
        name: what it is called in a call.
        type: what kind of value it takes; `enumeration` takes one of `choices`, which are texts.
        description: what it means, in words; foreign text.
        required: whether a call without it fails.
        choices: the values of an enumeration.
        default: what holds when it is left out; None when the catalogue names no plain value.
        json_schema: the JSON schema of its values as JSON text, where `type` and `choices` do not
            say it all (the items of a list, the keys of a dictionary, a range); else empty.
    """

    name: str
    type: ParameterType = "any"
    description: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    default: Scalar | None = None
    json_schema: str = ""

    def value_schema(self) -> dict[str, object]:
        """The JSON schema of its values, without the description."""
        schema: dict[str, object] = {}
        if self.json_schema:
            schema = json.loads(self.json_schema)
        elif self.type == "list":
            schema = {"type": "array", "items": {}}
        elif self.type != "any":
            schema = {"type": _JSON_TYPES[self.type]}
        if self.choices and "enum" not in schema:
            schema["enum"] = list(self.choices)
        return schema


@dataclass(frozen=True, slots=True)
class Api:
    """One API: what it is called, what it does, what it takes and gives.

    Attributes:
        identifier: its name, one line, unique in its catalogue.
        summary: what it does, in words; foreign text.
        parameters: what it takes, in the catalogue's order.
        returns: what it gives, in words or as a type; empty when it gives nothing or none is named.
        origin: the catalogue that it is from.
        effect: whether a call only reads, changes or destroys something.
    """

    identifier: str
    summary: str = ""
    parameters: tuple[ApiParameter, ...] = ()
    returns: str = ""
    origin: str = ""
    effect: Effect = "unknown"

    def __post_init__(self) -> None:
        for name in (self.identifier, *(one.name for one in self.parameters)):
            if name.splitlines() != [name] or len(name) > _LONGEST_NAME:
                raise UsageError(
                    f"the names of an API and its parameters must be one line of 1 to "
                    f"{_LONGEST_NAME} characters, got {name[:80]!r}"
                )
        repeated = [n for n, times in Counter(p.name for p in self.parameters).items() if times > 1]
        if repeated:
            raise UsageError(f"{self.identifier} has two parameters called {repeated[0]!r}")

    def parameter(self, name: str) -> ApiParameter | None:
        """The parameter of that name, if there is one."""
        return next((one for one in self.parameters if one.name == name), None)

    def signature(self, *, budget_tokens: int = 300) -> str:
        """What a prompt says about the API: its call, what it does, what its parameters mean.

        Where that is too much, descriptions are cut and then left out, then what is inside lists
        and objects and long enumerations are cut, then optional parameters are only counted. The
        identifier always stands whole, so that only a budget smaller than it is exceeded. Each
        foreign text stays on its own line.

        Raises:
            UsageError: the budget is below 1.

        >>> city = ApiParameter("city", "text", "Where to look.", required=True)
        >>> units = ApiParameter("units", "enumeration", choices=("C", "F"), default="C")
        >>> print(Api("weather.now", "Tells the weather.", (city, units), "text").signature())
        weather.now(city: text, units?: "C"|"F" = "C") -> text
          Tells the weather.
          city: Where to look.
        """
        if budget_tokens < 1:
            raise UsageError(f"budget_tokens must be at least 1, got {budget_tokens}")
        for detail in _DETAILS:
            text = self._described(detail)
            if estimate_tokens(text) <= budget_tokens:
                return text
        shorter = (self._call(_NAMES), self._call(_NAMES, only_required=True))
        fitting = (text for text in shorter if estimate_tokens(text) <= budget_tokens)
        return next(fitting, self.identifier)

    def brief(self) -> str:
        """One short line: what it must be given, and the beginning of what it does.

        >>> Api("now", "Tells the time.", (ApiParameter("zone", required=True),)).brief()
        'now(zone): Tells the time.'
        """
        required = [one.name for one in self.parameters if one.required]
        more = len(self.parameters) - len(required)
        names = ", ".join([*required, *([f"… {more} optional ones"] if more else [])])
        summary = f": {one_line(self.summary, _LONGEST_BRIEF)}" if self.summary else ""
        return f"{self.identifier}({names}){summary}"

    def _described(self, detail: "_Detail") -> str:
        lines = [self._call(detail.values)]
        if self.summary:
            lines.append(f"  {one_line(self.summary, detail.summary)}")
        lines += [
            f"  {one.name}: {one_line(one.description, detail.description)}"
            for one in self.parameters
            if one.description and detail.description
        ]
        return "\n".join(lines)

    def _call(self, values: SchemaWords, *, only_required: bool = False) -> str:
        shown = [one for one in self.parameters if one.required or not only_required]
        words = [_declared(one, values) for one in shown]
        if len(shown) < len(self.parameters):
            words.append(f"… {len(self.parameters) - len(shown)} optional ones")
        returns = f" -> {one_line(self.returns, 200)}" if self.returns else ""
        return f"{self.identifier}({', '.join(words)}){returns}"


@dataclass(frozen=True, slots=True)
class _Detail:
    """How long a signature may be: characters of its texts, and what is said of its values."""

    summary: int
    description: int
    values: SchemaWords


_DETAILS = (
    _Detail(800, 400, SchemaWords(depth=5, members=40, choices=60)),
    _Detail(400, 160, SchemaWords(depth=5, members=40, choices=30)),
    _Detail(200, 80, SchemaWords(depth=5, members=24, choices=15)),
    _Detail(120, 0, SchemaWords(depth=4, members=24, choices=8)),
    _Detail(120, 0, SchemaWords(depth=3, members=12, choices=6)),
    _Detail(120, 0, SchemaWords(depth=3, members=6, choices=4)),
    _Detail(120, 0, SchemaWords(depth=2, members=5, choices=4)),
    _Detail(120, 0, SchemaWords(depth=1, members=4, choices=4)),
    _Detail(120, 0, SchemaWords(depth=0, choices=4)),
)
"""From the richest to the shortest that still says what an API does."""

_NAMES = SchemaWords(depth=0, choices=4)


def _declared(parameter: ApiParameter, values: SchemaWords) -> str:
    kind: str = parameter.type
    if parameter.choices:
        kind = values.enumeration(parameter.choices)
    elif parameter.json_schema:
        kind = values.of(parameter.value_schema())
    default = "" if parameter.default is None else f" = {excerpt(json_line(parameter.default), 80)}"
    return f"{parameter.name}{'' if parameter.required else '?'}: {kind}{default}"


def arguments_schema(api: Api) -> dict[str, object]:
    """The JSON schema of a call's arguments, for a model's structured reply or tool call.

    >>> api = Api("now", parameters=(ApiParameter("zone", "text", "A time zone.", required=True),))
    >>> arguments_schema(api)["properties"]
    {'zone': {'type': 'string', 'description': 'A time zone.'}}
    """
    properties: dict[str, object] = {}
    for parameter in api.parameters:
        schema = parameter.value_schema()
        if parameter.description:
            schema["description"] = one_line(parameter.description, 400)
        if parameter.default is not None:
            schema["default"] = parameter.default
        properties[parameter.name] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": [one.name for one in api.parameters if one.required],
        "additionalProperties": False,
    }


class ApiCatalog:
    """APIs by identifier, in a fixed order, with a search.

    The index of the search is made when it is first asked: about a second for 10,000 APIs.
    """

    def __init__(self, apis: Iterable[Api]) -> None:
        """Hold the APIs.

        Raises:
            UsageError: two have the same identifier.
        """
        self._apis: dict[str, Api] = {}
        for api in apis:
            if api.identifier in self._apis:
                raise UsageError(
                    f"two APIs are called {api.identifier!r} "
                    f"(from {self._apis[api.identifier].origin!r} and {api.origin!r})"
                )
            self._apis[api.identifier] = api

    def __getitem__(self, identifier: str) -> Api:
        """The API of that name.

        Raises:
            ToolError: there is none; the text names the nearest ones.
        """
        found = self._apis.get(identifier)
        if found is None:
            near = difflib.get_close_matches(identifier[:_LONGEST_NAME], self._apis, n=3)
            hint = f"; near it are {', '.join(near)}" if near else ""
            raise ToolError(f"no API is called {one_line(identifier, 120)!r}{hint}")
        return found

    def __contains__(self, identifier: object) -> bool:
        """Whether an API has that name."""
        return identifier in self._apis

    def __iter__(self) -> Iterator[Api]:
        """The APIs in the order in which they were given."""
        return iter(self._apis.values())

    def __len__(self) -> int:
        """How many APIs there are."""
        return len(self._apis)

    def merged(self, other: "ApiCatalog") -> "ApiCatalog":
        """The APIs of both, this one's first.

        Raises:
            UsageError: an identifier stands in both.
        """
        return ApiCatalog([*self, *other])

    def search(self, query: str, *, limit: int = 10) -> tuple[Api, ...]:
        """The APIs whose words fit the query, the best first; none that shares no word with it.

        Of equally good ones the first by identifier comes first, so that the answer depends on
        nothing but the APIs and the query.

        Raises:
            UsageError: the limit is below 1.
        """
        if limit < 1:
            raise UsageError(f"limit must be at least 1, got {limit}")
        return tuple(self._searchable.apis[one] for one in self._searchable.best(query, limit))

    @cached_property
    def _searchable(self) -> "_Searchable":
        return _Searchable(sorted(self, key=lambda api: api.identifier))


class _Searchable:
    """The words of all APIs, weighted by where they stand."""

    _IN_NAME, _IN_SUMMARY, _IN_PARAMETERS = 2.0, 1.0, 0.3
    _LONGEST_TEXT = 2000
    _LONGEST_QUERY = 4000

    def __init__(self, apis: list[Api]) -> None:
        self.apis = apis
        self._vocabulary = Vocabulary(one.summary[: self._LONGEST_TEXT] for one in apis)
        self._index = LexicalIndex([self._weighted(api) for api in apis])

    def best(self, query: str, limit: int) -> list[int]:
        words = words_of(query[: self._LONGEST_QUERY])
        return self._index.best(words, limit=limit)

    def _weighted(self, api: Api) -> dict[str, float]:
        weights: dict[str, float] = {}
        for word, weight in self._occurrences(api):
            weights[word] = weights.get(word, 0.0) + weight
        return weights

    def _occurrences(self, api: Api) -> Iterator[tuple[str, float]]:
        for word in self._split(api.identifier):
            yield word, self._IN_NAME
        for word in words_of(f"{api.summary[: self._LONGEST_TEXT]} {api.returns}"):
            yield word, self._IN_SUMMARY
        for parameter in api.parameters:
            text = f"{parameter.description[:200]} {' '.join(parameter.choices[:20])}"
            for word in (*self._split(parameter.name), *words_of(text)):
                yield word, self._IN_PARAMETERS

    def _split(self, identifier: str) -> Iterator[str]:
        for word in words_of(identifier):
            yield word
            for part in self._vocabulary.parts(word):
                yield from words_of(part)
