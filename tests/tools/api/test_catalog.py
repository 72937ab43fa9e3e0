"""What an agent knows about APIs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.api.catalog import Api, ApiCatalog, ApiParameter, arguments_schema
from tapgraph.tools.token_estimate import estimate_tokens

SET_VOLUME = Api(
    "device.setvolume",
    "Sets the volume of the device.",
    (
        ApiParameter("level", "number", "From 0 to 1.", required=True),
        ApiParameter("kind", "enumeration", choices=("Media", "Ringtone"), default="Media"),
    ),
)


def many_parameters(count: int) -> Api:
    return Api(
        "big.one",
        "word " * 500,
        tuple(
            ApiParameter(
                f"parameter{n}",
                "enumeration",
                "described " * 100,
                required=n < 3,
                choices=tuple(f"choice {n}.{m}" for m in range(100)),
            )
            for n in range(count)
        ),
    )


def test_signature_shows_types_choices_defaults_and_what_is_optional() -> None:
    assert SET_VOLUME.signature() == (
        'device.setvolume(level: number, kind?: "Media"|"Ringtone" = "Media")\n'
        "  Sets the volume of the device.\n"
        "  level: From 0 to 1."
    )


@pytest.mark.parametrize("budget_tokens", [10, 30, 100, 300, 1000, 5000])
def test_signature_keeps_its_budget(budget_tokens: int) -> None:
    text = many_parameters(20).signature(budget_tokens=budget_tokens)
    assert text.startswith("big.one")
    assert estimate_tokens(text) <= budget_tokens


def test_richer_budgets_say_more() -> None:
    lengths = [len(many_parameters(4).signature(budget_tokens=n)) for n in (5, 130, 300, 2000)]
    assert lengths == sorted(set(lengths))


def test_required_parameters_survive_the_smallest_call() -> None:
    text = many_parameters(40).signature(budget_tokens=160)
    assert "parameter2" in text
    assert "37 optional ones" in text


def test_budget_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 1, got 0"):
        SET_VOLUME.signature(budget_tokens=0)


@given(st.text(), st.text(), st.text())
def test_foreign_text_stays_on_its_own_line(summary: str, described: str, choice: str) -> None:
    parameter = ApiParameter("p", "enumeration", described, choices=(choice,))
    lines = Api("an.api", summary, (parameter,), returns=summary).signature().splitlines()
    assert lines[0].startswith("an.api(")
    assert len(lines) <= 3
    assert all(line.startswith("  ") for line in lines[1:])


@pytest.mark.parametrize("identifier", ["", "two\nlines", "a\u2028b", "x" * 301])
def test_identifiers_that_would_break_a_list_are_refused(identifier: str) -> None:
    with pytest.raises(UsageError, match="one line of 1 to 300"):
        Api(identifier)
    with pytest.raises(UsageError, match="one line of 1 to 300"):
        Api("x", parameters=(ApiParameter(identifier),))


def test_two_parameters_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two parameters called 'a'"):
        Api("x", parameters=(ApiParameter("a"), ApiParameter("a")))


def test_apis_can_be_members_of_sets() -> None:
    assert len({SET_VOLUME, Api("b"), Api("b")}) == 2


def test_schema_of_arguments_is_a_closed_object() -> None:
    schema = arguments_schema(SET_VOLUME)
    assert schema["required"] == ["level"]
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "level": {"type": "number", "description": "From 0 to 1."},
        "kind": {"type": "string", "enum": ["Media", "Ringtone"], "default": "Media"},
    }


def test_schema_of_a_parameter_is_used_as_it_is() -> None:
    inside = {"type": "array", "items": {"type": "integer"}}
    api = Api("x", parameters=(ApiParameter("a", "list", json_schema=json.dumps(inside)),))
    assert arguments_schema(api)["properties"] == {"a": inside}


def test_unknown_identifier_is_answered_with_the_nearest() -> None:
    with pytest.raises(ToolError, match="near it are device"):
        ApiCatalog([SET_VOLUME])["device.set_volume"]


def test_unknown_identifier_of_megabytes_is_answered_in_a_line() -> None:
    with pytest.raises(ToolError) as raised:
        ApiCatalog([SET_VOLUME])["x" * 3_000_000]
    assert len(str(raised.value)) < 300


def test_merging_keeps_the_order_and_refuses_clashes() -> None:
    first, second = ApiCatalog([SET_VOLUME]), ApiCatalog([Api("b")])
    assert [api.identifier for api in first.merged(second)] == ["device.setvolume", "b"]
    with pytest.raises(UsageError, match="two APIs are called"):
        first.merged(first)


def test_search_finds_by_name_summary_and_parameters() -> None:
    catalog = ApiCatalog([
        SET_VOLUME,
        Api("is.workflow.actions.getrichtextfrommarkdown", "Makes rich text of Markdown text."),
        Api("weather.now", "Tells the weather.", (ApiParameter("city", "text", "A town."),)),
    ])

    def first(query: str) -> str:
        return catalog.search(query, limit=1)[0].identifier

    assert first("make it louder: volume 0.8") == "device.setvolume"
    assert first("how is it in this town") == "weather.now"
    assert first("rich text from markdown") == "is.workflow.actions.getrichtextfrommarkdown"


def test_search_without_a_shared_word_finds_nothing() -> None:
    assert ApiCatalog([SET_VOLUME]).search("zebra") == ()
    assert ApiCatalog([]).search("volume") == ()


def test_equally_good_apis_come_by_identifier_whatever_their_order() -> None:
    apis = [Api(f"note.{letter}", "Adds a note.") for letter in "cab"]
    for order in (apis, apis[::-1]):
        found = ApiCatalog(order).search("add a note", limit=2)
        assert [api.identifier for api in found] == ["note.a", "note.b"]


def test_search_limit_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match="limit must be at least 1, got 0"):
        ApiCatalog([]).search("x", limit=0)
