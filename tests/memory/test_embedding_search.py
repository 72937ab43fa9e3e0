"""Retrieval by meaning, with an embedding model that knows three things."""

from collections.abc import Sequence

import pytest

from tapgraph.memory import MemoryStore, Provenance, TipDraft
from tapgraph.memory.embedding_search import EmbeddingRetriever
from tapgraph.memory.retrieval import Question

LEARNT = Provenance(origin="run", run="r1")
MEANINGS = (("zebra", "animal", "stripes"), ("tea", "drink"), ("payment", "sign", "note"))


class Meanings:
    """Counts the words of each meaning, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += texts
        return [
            [0.01 + sum(text.lower().count(word) for word in words) for words in MEANINGS]
            for text in texts
        ]


@pytest.fixture
def meanings() -> Meanings:
    return Meanings()


def test_what_means_the_same_is_found_without_a_common_word(
    store: MemoryStore, meanings: Meanings
) -> None:
    store.add_tip("A zebra runs.", provenance=LEARNT)
    store.add_tip("Drink it hot.", provenance=LEARNT)
    retriever = EmbeddingRetriever(store, "m", meanings)
    found = retriever.find(Question("tip", "an animal with stripes"))
    learnt = [one for one in found if one.entry.provenance.origin == "run"]
    assert [getattr(one.entry, "text", "") for one in learnt] == ["A zebra runs."]
    assert learnt[0].reasons[0].startswith("means nearly the same (")


def test_vectors_are_made_once_and_anew_for_a_new_version(
    store: MemoryStore, meanings: Meanings
) -> None:
    tip = store.add_tip("A zebra runs.", provenance=LEARNT)
    retriever = EmbeddingRetriever(store, "m", meanings)
    for _ in range(2):
        retriever.find(Question("tip", "stripes"))
    assert meanings.asked.count("A zebra runs.") == 1
    store.revise(tip, TipDraft(text="Drink tea."), why="w", provenance=LEARNT)
    found = retriever.find(Question("tip", "a drink"))
    assert "Drink tea." in meanings.asked
    assert found[0].entry.id == tip


def test_two_models_have_vectors_of_their_own(store: MemoryStore, meanings: Meanings) -> None:
    store.add_tip("A zebra runs.", provenance=LEARNT)
    for model in ("one", "two"):
        EmbeddingRetriever(store, model, meanings).find(Question("tip", "stripes"))
    assert meanings.asked.count("A zebra runs.") == 2
