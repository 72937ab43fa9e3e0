"""Which APIs the model is shown, at first and after a search."""

from typing import Any

import pytest

from tapgraph.agents.api.retriever import retriever
from tapgraph.agents.api.state import Choice
from tapgraph.agents.run.events import Retrieved
from tapgraph.tools.api.calls import CallResult
from tapgraph.tools.api.catalog import Api, ApiCatalog


class Many:
    """More APIs than a prompt has room for."""

    catalog = ApiCatalog([
        *(Api(f"city_{n}", "Tells the weather in Lyon, among others. " * 30) for n in range(60)),
        *(Api(f"shop_{n}", "Sells shoes and boots, among others. " * 30) for n in range(20)),
        Api("song", "Plays music."),
        Api("phone_do", "Does something with apps."),
    ])

    def call(self, identifier: str, arguments: object) -> CallResult:
        raise AssertionError("nothing is called here")


def search(query: str) -> Choice:
    return Choice("search", query)


def test_a_small_catalogue_is_shown_whole(desk: Any) -> None:
    finds = desk()
    assert finds.run(retriever, step=0) == {"candidates": ["weather", "delete_city"], "error": ""}
    assert finds.events(Retrieved) == [
        Retrieved(0, "Tell me the weather in Lyon", ("weather", "delete_city"))
    ]


def test_of_a_large_catalogue_what_fits_the_task_is_shown(desk: Any) -> None:
    shown = desk(runner=Many()).run(retriever)["candidates"]
    assert "song" not in shown
    assert 0 < len(shown) < 60


def test_the_phone_is_shown_whatever_the_task_is(desk: Any) -> None:
    assert "phone_do" not in desk(runner=Many()).run(retriever)["candidates"]
    pinned = desk(runner=Many(), pinned=["phone_do"])
    assert "phone_do" in pinned.run(retriever)["candidates"]


def test_the_phone_stays_after_a_search(desk: Any) -> None:
    finds = desk(runner=Many(), pinned=["phone_do"])
    shown = finds.run(retriever)["candidates"]
    found = finds.run(retriever, candidates=shown, choice=search("weather Lyon"))
    assert "phone_do" in found["candidates"]


def test_what_a_search_finds_comes_last(desk: Any) -> None:
    finds = desk(runner=Many())
    shown = finds.run(retriever)["candidates"]
    update = finds.run(retriever, candidates=shown, choice=search("plays music"), step=2)
    assert (update["candidates"][-1], update["error"]) == ("song", "")
    assert finds.team.run.folder.load_result(2) == ["song"]
    assert finds.events(Retrieved)[-1].query == "plays music"


@pytest.mark.parametrize(("name", "stays"), [("call", True), ("read", False)])
def test_what_was_called_stays_after_a_search(name: str, stays: bool, desk: Any, past: Any) -> None:
    finds = desk(runner=Many())
    shown = finds.run(retriever)["candidates"]
    update = finds.run(
        retriever,
        candidates=["song", *shown],
        history=[past(1, name=name, subject="song")],
        choice=search("shoes boots"),
    )
    assert "shop_0" in update["candidates"]
    assert ("song" in update["candidates"]) is stays


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("weather", "nothing new was found, only weather; use other words"),
        ("zebra", "no API of the catalogue has these words; use other words"),
    ],
)
def test_a_search_that_finds_nothing_new_failed(query: str, told: str, desk: Any) -> None:
    update = desk().run(retriever, candidates=["weather", "delete_city"], choice=search(query))
    assert update == {"candidates": ["weather", "delete_city"], "error": told}
