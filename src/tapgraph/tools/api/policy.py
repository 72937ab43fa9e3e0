"""Which calls a person must allow, decided below the model and without one.

Whatever a model was talked into by an answer of a service, nothing is changed without a yes: every
call asks that is not known only to read. A call is known to read where its catalogue says so (an
HTTP GET) or its name does ("list_sent"), and neither its name nor its summary begins with a verb
that does something (`GET /deleteAll`). A function of the program itself whose name has no verb of
either kind is free, too. `--policy FILE` allows calls by name.
"""

import re
from collections.abc import Iterator, Mapping

from tapgraph.tools.api.catalog import Api
from tapgraph.tools.api.json_value import Json, excerpt, json_line
from tapgraph.tools.api.retrieval import words_of
from tapgraph.tools.policy.risk import RISKS, Risk, RiskyDeed
from tapgraph.tools.policy.table import phrases

__all__ = ["amounts_of", "assess_call", "names_change", "names_reading", "path_orders"]

_LONGEST_TEXT = 300
_ADDRESS = re.compile(r"[A-Z]+ /")
_WRITTEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def assess_call(api: Api, arguments: Mapping[str, Json]) -> RiskyDeed | None:
    """The risk of a call, None when the policy has nothing against it.

    The label is the whole call: only texts inside of it are cut, each on its own.

    >>> assess_call(Api("mail.send", "Sends a message."), {"to": "Ann"}).label
    'mail.send {"to": "Ann"}'
    >>> assess_call(Api("mail.list_sent", "Lists what was sent."), {}) is None
    True
    """
    reads = names_reading(api.identifier) or any(_is_among(one, "read") for one in _head(api))
    is_known_to_read = api.effect == "reads" or (
        api.effect == "unknown" and (reads or not any(map(_is_verb, _words(api))))
    )
    told = _further_deeds(api) if api.effect == "reads" and reads else _words(api)
    does_harm = any(map(_is_harmful, told))
    names_deed = _names_deed if api.effect == "reads" else names_change
    if is_known_to_read and not does_harm and (reads or not names_deed(api.identifier)):
        return None
    return RiskyDeed(_risk_of(api), f"{api.identifier} {json_line(_shortened(dict(arguments)))}")


def names_reading(identifier: str) -> bool:
    """Whether the name tells of reading, and of doing something only after that, as a thing."""
    for word in words_of(identifier):
        if _is_among(word, "read"):
            return True
        if any(_is_among(word, risk) for risk in RISKS):
            return False
    return False


def names_change(identifier: str) -> bool:
    """Whether the name tells that something is done; nouns in the plural do not."""
    written = {part.casefold() for part in _WRITTEN.findall(identifier)}
    verbs = [word for word in words_of(identifier) if _is_verb(word) and f"{word}s" not in written]
    return any(map(_is_harmful, verbs)) or (bool(verbs) and not names_reading(identifier))


def _names_deed(identifier: str) -> bool:
    """Whether the name tells that something is done, by verbs alone ("exchangeRates" does not)."""
    deeds = (_is_among(word, risk) for word in words_of(identifier) for risk in RISKS)
    return any(deeds) and not names_reading(identifier)


def path_orders(path: str) -> bool:
    """Whether the path of a reading method ends in an order, as `/devices/{id}/reboot` does."""
    last = words_of(path.rpartition("/")[2])
    return names_change(f"get {path}") or (len(last) == 1 and _is_among(last[0], "order"))


def amounts_of(arguments: Json) -> Iterator[float]:
    """The numbers in the arguments of a call, written as numbers or as texts."""
    match arguments:
        case bool():
            return
        case int() | float():
            yield float(arguments)
        case str():
            try:
                yield float(arguments)
            except ValueError:
                return
        case list():
            for each in arguments:
                yield from amounts_of(each)
        case dict():
            for each in arguments.values():
                yield from amounts_of(each)


def _words(api: Api) -> list[str]:
    """The words of its name, and the one that its summary begins with."""
    return [*words_of(api.identifier), *_head(api)]


def _further_deeds(api: Api) -> list[str]:
    """What a name that tells of reading adds ("getAndDelete"), and how its summary begins."""
    _, *further = re.split(r"(?:_|\b)(?:and|then)(?:_|\b)|(?:And|Then)(?=[A-Z])", api.identifier)
    return [*(word for one in further for word in words_of(one)), *_head(api)]


def _head(api: Api) -> list[str]:
    """The first word of its summary; an address that stands in for one says nothing."""
    return [] if _ADDRESS.match(api.summary) else words_of(api.summary[:80])[:1]


def _risk_of(api: Api) -> Risk:
    """The kind of harm: of the first telling verb, else of a noun, else of the catalogue's word."""
    words = _words(api)
    for risk in RISKS:
        if risk != "change" and any(_is_among(word, risk) for word in words):
            return risk
    if api.effect == "destroys":
        return "delete"
    for risk in RISKS:
        if any(_is_among(word, f"{risk} noun") for word in words):
            return risk
    return "change"


def _is_verb(word: str) -> bool:
    return any(_is_among(word, f"{risk}{noun}") for risk in RISKS for noun in ("", " noun"))


def _is_harmful(word: str) -> bool:
    return any(_is_among(word, risk) for risk in RISKS if risk != "change")


def _is_among(word: str, kind: str) -> bool:
    """Whether the word, also as the stemmer leaves it ("pushe" of "pushes"), is of that kind."""
    words = phrases(kind, language="api")
    return word in words or (word.endswith("e") and word[:-1] in words)


def _shortened(value: Json) -> Json:
    match value:
        case str():
            return excerpt(value, _LONGEST_TEXT)
        case list():
            return [_shortened(each) for each in value]
        case dict():
            return {name: _shortened(each) for name, each in value.items()}
    return value
