"""What the strict family counts that the paper does not."""

from collections.abc import Callable
from dataclasses import replace

from pydantic import JsonValue

from tapgraph.evals.shortcutsbench.item import Action, Item
from tapgraph.evals.shortcutsbench.strict_scores import strict_scores
from tapgraph.evals.shortcutsbench.transcript import Answer, Record, Transcript
from tapgraph.evals.stats import Tally

Said = Callable[..., Answer]


def scored(item: Item, *answers: Answer, stop: Answer | None = None) -> dict[str, Tally]:
    return strict_scores(Record(item, Transcript(item_id=item.id, answers=answers, stop=stop)))


def test_parameters_of_a_step_with_the_wrong_api_are_wrong(
    own_items: dict[str, Item], said: Said
) -> None:
    wrong = scored(own_items["b"], said(0, "count"), said(1, "count"))
    assert wrong["strict/literal_parameters"] == (0, 1)
    assert wrong["strict/input_awareness"] == (0, 1)
    assert wrong["strict/previous_outputs"] == (0, 1)


def test_a_wrong_uuid_with_the_right_name_is_wrong(own_items: dict[str, Item], said: Said) -> None:
    named = {"Value": {"Type": "ActionOutput", "OutputUUID": "X", "OutputName": "Updated Text"}}
    scores = scored(own_items["b"], said(1, "setclipboard", WFInput=named))
    assert scores["strict/previous_outputs"] == (0, 1)


def test_a_missing_dictionary_key_is_wrong(own_items: dict[str, Item], said: Said) -> None:
    item = own_items["d"]
    uuid = str(item.gold[0].parameters["UUID"])
    whole = {"Type": "ActionOutput", "OutputUUID": uuid}
    keyed = {
        **whole,
        "Aggrandizements": [
            {"Type": "WFDictionaryValueVariableAggrandizement", "DictionaryKey": "temperature"}
        ],
    }
    for variable, points in ((whole, 0), (keyed, 1)):
        text = {"Value": {"string": "${Value1}", "attachmentsByRange": {"Value1": variable}}}
        scores = scored(item, said(1, "notification", WFNotificationActionBody=text))
        assert scores["strict/previous_outputs"] == (points, 1)


def test_stopping_wants_finish_at_the_end_and_not_before(
    own_items: dict[str, Item], said: Said
) -> None:
    item = own_items["a"]
    right = said(1, "setvolume", WFVolume=0.8)
    assert scored(item, right, stop=said(2, "Finish"))["strict/stop"] == (1, 1)
    assert scored(item, right, stop=said(2, "vibrate"))["strict/stop"] == (0, 1)
    assert scored(item, said(1, "Finish"), stop=said(2, "Finish"))["strict/stop"] == (0, 1)


def test_a_query_succeeds_only_as_a_whole(own_items: dict[str, Item], said: Said) -> None:
    item = own_items["a"]
    finish = said(2, "Finish")
    right, wrong = said(1, "setvolume", WFVolume="0.80"), said(1, "setvolume", WFVolume=0.7)
    assert scored(item, right, stop=finish)["strict/query_success"] == (1, 1)
    assert scored(item, wrong, stop=finish)["strict/query_success"] == (0, 1)
    assert scored(item, right, stop=said(2, "setvolume"))["strict/query_success"] == (0, 1)


def test_a_failed_item_is_wrong_everywhere(own_items: dict[str, Item]) -> None:
    item = own_items["c"]
    scores = strict_scores(Record(item, Transcript(item_id=item.id, failure="the server is gone")))
    assert scores["strict/api_selection"] == (0, 4)
    assert scores["strict/literal_parameters"] == (0, 3)
    assert scores["strict/stop"] == scores["strict/query_success"] == (0, 1)
    assert scores["replies/missing"] == (4, 4)
    assert scores["replies/unparsable"] == (0, 0), "a missing reply is no unparsable one"


def test_broken_json_is_wrong_and_reported_apart(own_items: dict[str, Item]) -> None:
    scores = scored(own_items["a"], Answer(1, "I set the volume."))
    assert scores["strict/api_selection"] == (0, 1)
    assert scores["replies/unparsable"] == (1, 1)


def test_invented_apis_and_parameters_are_counted(own_items: dict[str, Item], said: Said) -> None:
    item = own_items["a"]
    invented = scored(item, said(1, "makecoffee"))
    assert invented["strict/invented_apis"] == (1, 1)
    assert invented["strict/hallucinated_parameters"] == (0, 0), "nothing is known of that API"
    added = scored(item, said(1, "setvolume", WFVolume=0.8, WFLoudness=11, UUID="U"))
    assert added["strict/hallucinated_parameters"] == (1, 3)


def test_a_free_run_is_compared_step_by_step_and_by_what_made_an_output(
    own_items: dict[str, Item],
) -> None:
    item = own_items["b"]
    clipboard: JsonValue = {"Value": {"Type": "Clipboard"}}
    mine: JsonValue = {"Value": {"Type": "ActionOutput", "OutputUUID": "MINE"}}
    free = Transcript(
        item_id=item.id,
        mode="free-running",
        actions=(
            Action(
                item.gold[0].identifier,
                {"text": clipboard, "WFCaseType": "UPPERCASE", "UUID": "MINE"},
            ),
            Action("is.workflow.actions.comment"),
            Action(item.gold[1].identifier, {"WFInput": mine}),
        ),
        is_finished=True,
    )
    scores = strict_scores(Record(item, free))
    assert scores["strict/query_success"] == (1, 1)
    stopped_early = replace(free, actions=free.actions[:1])
    assert strict_scores(Record(item, stopped_early))["strict/stop"] == (0, 1)
    never_stopped = replace(free, is_finished=False)
    assert strict_scores(Record(item, never_stopped))["strict/query_success"] == (0, 1)
