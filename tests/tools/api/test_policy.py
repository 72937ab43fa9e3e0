"""Which calls want a person's yes."""

import pytest

from tapgraph.tools.api.catalog import Api, Effect
from tapgraph.tools.api.openapi_operations import Operation, read_operations
from tapgraph.tools.api.policy import assess_call


@pytest.mark.parametrize(
    ("identifier", "summary", "effect", "risk"),
    [
        ("list_notes", "Lists notes.", "reads", None),
        ("deleteEverything", "Deletes everything.", "reads", None),
        ("add_note", "Adds a note.", "changes", None),
        ("notes_7", "", "destroys", "delete"),
        ("note.delete", "", "unknown", "delete"),
        ("note.tidy", "Removes old notes.", "changes", "delete"),
        ("sendMail", "", "changes", "send"),
        ("create_message", "Creates a message.", "changes", "send"),
        ("message_count", "Counts messages.", "unknown", None),
        ("create_payment", "", "changes", "pay"),
        ("cart.checkout", "", "unknown", "pay"),
        ("shared_notes", "Lists what was sent and deleted.", "unknown", None),
        ("install_app", "", "unknown", "install"),
        ("grant_access", "", "changes", "grant"),
    ],
)
def test_effect_and_words_decide(
    identifier: str, summary: str, effect: Effect, risk: str | None
) -> None:
    found = assess_call(Api(identifier, summary, effect=effect), {})
    assert (found.risk if found else None) == risk


def test_the_label_shows_the_whole_call_on_one_line() -> None:
    found = assess_call(Api("delete_note", effect="destroys"), {"title": "a\nb \u202e", "id": 7})
    assert found is not None
    assert found.label == 'delete_note {"title": "a\\nb \\u202e", "id": 7}'


def test_methods_of_http_tell_the_effect() -> None:
    answers = {"responses": {"200": {"description": "Done"}}}
    methods = ("get", "head", "options", "post", "put", "patch", "delete")
    document = {"openapi": "3.1.0", "paths": {"/notes": dict.fromkeys(methods, answers)}}
    read = [one for one in read_operations(document, origin="x") if isinstance(one, Operation)]
    assert {one.method: one.api.effect for one in read} == {
        "GET": "reads", "HEAD": "reads", "OPTIONS": "reads", "POST": "changes", "PUT": "changes",
        "PATCH": "changes", "DELETE": "destroys",
    }  # fmt: skip
