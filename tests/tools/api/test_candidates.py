"""Candidates stay in their order and inside their budget."""

from tapgraph.tools.api.candidates import candidates_within
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.token_estimate import estimate_tokens

CATALOG = ApiCatalog(Api(f"api_{n}", "Does one thing. " * 3) for n in range(9))
ONE = estimate_tokens(CATALOG["api_0"].signature()) + 1


def within(shown: str, found: str, *, used: str = "", apis: int) -> str:
    names = [[f"api_{n}" for n in given] for given in (shown, found, used)]
    chosen = candidates_within(CATALOG, names[0], names[1], used=names[2], budget_tokens=apis * ONE)
    return "".join(one.removeprefix("api_") for one in chosen)


def test_new_ones_stand_behind_those_that_were_shown() -> None:
    assert within("31", "12", apis=9) == "312"


def test_the_oldest_unused_make_room() -> None:
    assert within("0123", "45", apis=4) == "2345"


def test_used_ones_stay() -> None:
    assert within("0123", "45", used="0", apis=4) == "0345"


def test_the_worst_found_are_left_out_at_last() -> None:
    assert within("0", "12345", used="0", apis=3) == "012"
