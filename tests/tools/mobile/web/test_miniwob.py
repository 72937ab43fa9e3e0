"""MiniWoB's own pages, done by hand from what is told of them, and judged by the pages."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tapgraph.errors import UsageError
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.suite import Evidence, Finding
from tapgraph.tools.mobile.actions import Swipe
from tapgraph.tools.mobile.screen import Role

pytest.importorskip("miniwob", reason="the package miniwob is not installed")
pytestmark = pytest.mark.browser


def begin(page: Any, name: str, seed: int) -> Any:
    """Show the task of a seed; gives the rubric that judges it."""
    task = open_suite("miniwob").template(name).draw(seed)
    assert task.set_up is not None
    task.set_up(page.device)
    return task.rubrics[0]


def query(page: Any) -> str:
    """The words at the top of the page."""
    return str(page.device.run_script("return document.getElementById('query').innerText"))


def click_test(page: Any) -> None:
    page.taps("Click Me!")


def enter_text(page: Any) -> None:
    page.types_into(Role.INPUT, re.findall(r'"([^"]*)"', query(page))[0])
    page.taps("Submit")


def choose_list(page: Any) -> None:
    wanted = re.findall(r"Select (.*) from the list", query(page))[0]
    page.touch(next(one for one in page.sees().elements if one.role is Role.DROPDOWN))
    for _ in range(5):
        if wanted in page.reads():
            break
        page.device.perform(Swipe(400, 1300, 400, 600))
    page.taps(wanted)
    page.taps("Submit")


def click_checkboxes(page: Any) -> None:
    words = re.findall(r"Select (.*) and click Submit", query(page))[0]
    for word in words.split(", "):
        if word != "nothing":
            page.taps(word)
    page.taps("Submit")


def login_user(page: Any) -> None:
    name, password = re.findall(r'"([^"]*)"', query(page))
    fields = [one for one in page.sees().elements if one.role is Role.INPUT]
    for field, text in zip(fields, (name, password), strict=True):
        page.touch(field)
        page.enters(text)
    page.taps("Login")


SOLVED = (click_test, enter_text, choose_list, click_checkboxes, login_user)


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("solve", SOLVED, ids=lambda solve: solve.__name__)
def test_a_page_of_miniwob_is_done_and_judged(
    solve: Callable[[Any], None], seed: int, visitor: Any
) -> None:
    page = visitor("<p>Start</p>")
    rubric = begin(page, solve.__name__.replace("_", "-"), seed)
    assert rubric.check(Evidence()) == Finding(holds=False, why="the page gave no reward")
    solve(page)
    assert rubric.check(Evidence()) == Finding(holds=True, why="the page gave the reward 1")


def test_a_page_that_was_done_wrongly_is_no_success(visitor: Any) -> None:
    page = visitor("<p>Start</p>")
    rubric = begin(page, "enter-text", 1)
    page.taps("Submit")
    assert rubric.check(Evidence()).why.startswith("the page gave the reward -1")
    assert not rubric.check(Evidence()).holds


def test_equal_seeds_draw_equal_tasks(visitor: Any) -> None:
    page = visitor("<p>Start</p>")
    said = []
    for seed in (5, 5, 6):
        begin(page, "login-user", seed)
        said.append(query(page))
    assert said[0] == said[1] != said[2]


def test_a_phone_has_no_pages_of_miniwob(tmp_path: Any) -> None:
    task = open_suite("miniwob").template("click-test").draw(0)
    assert task.set_up is not None
    with pytest.raises(UsageError, match="--device web"):
        task.set_up(None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="holds no pages"):
        open_suite("miniwob", tmp_path)
