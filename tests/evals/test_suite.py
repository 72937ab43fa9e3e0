"""Tasks, rubrics and suites, and where suites come from."""

from dataclasses import replace
from pathlib import Path

import pytest

from tapgraph.errors import ToolError, UsageError
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.suite import Evidence, Finding, Rubric, Split, Suite, Task, Template, suite_of

MILK = Path(__file__).parent / "milk_suite.py"


def task(name: str = "walk", **fields: object) -> Task:
    given = {"id": name, "instruction": f"Do {name}.", "rubrics": (Rubric("it is done"),)}
    return Task(**(given | fields))  # type: ignore[arg-type]


def test_a_predicate_may_give_a_reason() -> None:
    rubric = Rubric("the price is right", lambda seen: Finding(seen.answer == "$3", "it says $4"))
    assert rubric.check(Evidence(answer="$4")) == Finding(False, "it says $4")


def test_a_rubric_without_a_predicate_is_left_to_others() -> None:
    assert Rubric("looks nice").check(Evidence()) is None


def test_a_phone_without_databases_says_so() -> None:
    with pytest.raises(UsageError, match="database of 'Notes'"):
        Evidence().rows("Notes", "SELECT 1")


def test_a_task_without_rubrics_is_refused() -> None:
    with pytest.raises(UsageError, match="no rubrics"):
        task(rubrics=())


def test_two_rubrics_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two rubrics"):
        task(rubrics=(Rubric("a"), Rubric("a")))


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b"])
def test_a_name_that_is_no_folder_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="a task's name"):
        Template(name, lambda _seed: task())


def test_two_tasks_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two tasks"):
        suite_of([task("a"), task("a")])


def test_a_split_holds_its_tasks_in_the_order_of_the_suite() -> None:
    templates = tuple(Template(name, lambda _seed: task()) for name in ("a", "b", "c"))
    suite = Suite("s", templates, {"some": Split(("c", "a"))})
    assert [one.name for one in suite.part("some")] == ["a", "c"]
    assert suite.part("") == templates


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(UsageError, match="neither a split nor a task 'hard'"):
        suite_of([task()]).part("hard")


def test_a_split_of_unknown_tasks_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown tasks: b"):
        Suite("s", (Template("a", lambda _seed: task()),), {"some": Split(("b",))})


def test_each_task_of_a_list_is_drawn_as_itself() -> None:
    suite = suite_of([task("a"), task("b")])
    assert [one.draw(5).id for one in suite.templates] == ["a", "b"]


def test_a_file_with_tasks_is_a_suite() -> None:
    suite = open_suite(str(MILK))
    assert suite.name == "milk_suite"
    assert [one.name for one in suite.templates] == ["milk", "alarm"]


def test_a_file_may_hold_a_suite(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "from tapgraph.evals.suite import Suite, Template\n"
        "suite = Suite('mine', (Template('a', lambda seed: None),))\n",
        encoding="utf-8",
    )
    assert open_suite(str(file)).name == "mine"


def test_a_file_without_tasks_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.py"
    file.write_text("tasks = 3\n", encoding="utf-8")
    with pytest.raises(UsageError, match="must hold"):
        open_suite(str(file))


@pytest.mark.parametrize("name", ["nothing", "no_such_file.py"])
def test_what_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        open_suite(name)


class Commanded:
    """A phone that answers one command, and refuses all others."""

    def shell(self, command: str, *arguments: str) -> str:
        if (command, arguments) != ("settings", ("get", "global", "zen_mode")):
            raise ToolError("not allowed")
        return "1\n"


def test_a_rubric_can_ask_a_real_phone_and_is_left_to_others_where_it_cannot() -> None:
    def is_quiet(seen: Evidence) -> bool | None:
        told = seen.phone_says("settings", "get", "global", "zen_mode")
        return None if told is None else told.strip() == "1"

    rubric = Rubric("it is quiet", is_quiet)
    assert rubric.check(Evidence(phone=Commanded())) == Finding(True)
    assert rubric.check(Evidence()) is None
    assert Evidence(phone=Commanded()).phone_says("rm", "-r") is None


def test_a_part_of_a_suite_is_named_by_its_tasks() -> None:
    suite = suite_of([task(name) for name in ("a", "b", "c")])
    assert [one.name for one in suite.part("c, a")] == ["a", "c"]
    with pytest.raises(UsageError, match="neither a split nor a task 'd'"):
        suite.part("a,d")
    with pytest.raises(UsageError, match="'d' cannot be run here: no data"):
        replace(suite, left_out={"d": "no data"}).part("a,d")
