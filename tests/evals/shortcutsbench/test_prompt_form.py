"""Actions in a prompt, and back."""

from pydantic import JsonValue

from tapgraph.evals.shortcutsbench.item import Action, Item
from tapgraph.evals.shortcutsbench.prompt_form import as_executable, as_shown


def texts_in(value: JsonValue) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    if isinstance(value, dict):
        text, attachments = value.get("string"), value.get("attachmentsByRange")
        if isinstance(text, str) and isinstance(attachments, dict) and len(text) < 250:
            found.append((text, sorted(attachments)))
        for one in value.values():
            found += texts_in(one)
    elif isinstance(value, list):
        for one in value:
            found += texts_in(one)
    return found


def shown_again(action: Action) -> Action:
    shown = as_shown(action, {})
    parameters = shown["WFWorkflowActionParameters"]
    assert isinstance(parameters, dict)
    return as_executable(Action(action.identifier, parameters))


def test_the_places_of_variables_survive_the_prompt(real_items: tuple[Item, ...]) -> None:
    actions = [action for item in real_items for action in item.gold]
    before = [text for action in actions for text in texts_in(dict(action.parameters))]
    after = [text for action in actions for text in texts_in(dict(shown_again(action).parameters))]
    assert len(before) > 50
    assert before == after


def test_conditions_and_parts_are_words_in_the_prompt_and_codes_after_it() -> None:
    action = Action(
        "is.workflow.actions.conditional",
        {"WFControlFlowMode": 0, "WFCondition": 99, "GroupingIdentifier": "G"},
    )
    shown = as_shown(action, {})["WFWorkflowActionParameters"]
    assert isinstance(shown, dict)
    assert (shown["WFControlFlowMode"], shown["WFCondition"]) == ("If Begin", "contains")
    assert shown_again(action) == action


def test_long_texts_are_cut_and_inner_bookkeeping_is_hidden() -> None:
    action = Action("a.b", {"ShowWhenRun": True, "Text": "x" * 1000, "UUID": "U"})
    parameters = as_shown(action, {"a.b": "Result"})["WFWorkflowActionParameters"]
    assert parameters == {"Text": "x" * 300 + "...", "UUID": "U", "OutputName": "Result"}
