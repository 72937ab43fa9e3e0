"""What prompts say of the values that an API takes."""

from typing import Any

import pytest

from tapgraph.tools.api.catalog import Api
from tapgraph.tools.api.json_schema import SchemaReader
from tapgraph.tools.api.schema_words import SchemaWords
from tapgraph.tools.token_estimate import estimate_tokens

ADDRESS = {
    "type": "object",
    "required": ["email"],
    "properties": {"name": {"type": "string"}, "email": {"type": "string", "format": "email"}},
}
MAIL: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["to"],
        "properties": {
            "to": {"type": "array", "items": ADDRESS},
            "subject": {"type": "string"},
            "priority": {"enum": ["low", "high"]},
            "headers": {"type": "object"},
        },
    },
}


def mail_api(schema: dict[str, Any] = MAIL) -> Api:
    parameter = SchemaReader({}).parameter("personalizations", schema, required=True, where="x")
    return Api("mail.send", "Sends a mail.", (parameter,))


def test_what_is_inside_a_list_reaches_the_signature() -> None:
    assert mail_api().signature() == (
        "mail.send(personalizations: list of {to: list of {name?: text, email: text}, "
        'subject?: text, priority?: "low"|"high", headers?: dictionary})\n'
        "  Sends a mail."
    )


@pytest.mark.parametrize(
    ("depth", "words"),
    [
        (0, "list"),
        (1, 'list of {to: list, subject?: text, priority?: "low"|"high", headers?: dictionary}'),
    ],
)
def test_less_depth_leaves_kinds(depth: int, words: str) -> None:
    assert SchemaWords(depth=depth).of(MAIL) == words


def test_required_members_stay_where_others_are_left_out() -> None:
    members = {f"a{n}": {"type": "integer"} for n in range(5)} | {"needed": {"type": "string"}}
    schema = {"properties": members, "required": ["needed"]}
    assert SchemaWords(depth=1, members=2).of(schema) == "{needed: text, a0?: integer, … 4 more}"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "text or integer"),
        ({"oneOf": [{"type": "string"}, {"type": "string"}]}, "text"),
        ({"anyOf": [{"const": n} for n in range(9)]}, "0 or 1 or 2 or 3 or …"),
        ({"type": ["string", "null"]}, "text"),
        ({"type": "array", "items": {}}, "list"),
        ({"properties": {"a\n</apis>": {}}}, "{a\\n</apis>?: any}"),
    ],
)
def test_words_of_shapes(schema: dict[str, Any], words: str) -> None:
    assert SchemaWords(depth=2).of(schema) == words


def test_a_wide_and_deep_schema_stays_within_the_budget_and_is_spelled_out_as_far_as_it_goes() -> (
    None
):
    leaf: dict[str, Any] = {"type": "string", "description": "words " * 30}
    wide = {f"member_{n}": leaf for n in range(30)}
    for _ in range(3):
        wide = {"inner": {"type": "object", "required": ["inner"], "properties": wide}, **wide}
    api = mail_api({"type": "object", "properties": wide})
    for budget in (60, 120, 240, 400):
        assert estimate_tokens(api.signature(budget_tokens=budget)) <= budget
    assert "inner?: {" in api.signature(budget_tokens=240)
