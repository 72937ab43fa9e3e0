"""MobileGym's adapter against a stand-in of its page and of its `bench_env`, in a real Chromium."""

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from tapgraph.cli.main import main
from tapgraph.errors import AppNotFound, DeviceUnavailable, ToolError, UnreadableTree, UsageError
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.phone.mobilegym import GymDevice, GymPictures
from tapgraph.evals.suite import Evidence, Suite
from tapgraph.tools.mobile.actions import Back, Home, OpenApp, SwitchApp
from tapgraph.tools.mobile.device import AppInfo, Capability
from tapgraph.tools.mobile.screen_reader import ScreenReader

PAGE = Path(__file__).parents[2] / "data" / "mobilegym" / "page.html"
needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None or shutil.which("chromedriver") is None,
    reason="no Chromium with chromedriver is installed",
)
pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def bench_modules() -> ModuleType:
    path = Path(__file__).parent / "gym_stand_in.py"
    spec = importlib.util.spec_from_file_location("gym_stand_in", path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(bench_modules: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the stand-in's tasks."""
    root = tmp_path / "gym"
    for name, module in bench_modules.modules(root).items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return root


@pytest.fixture(scope="module")
def device() -> Iterator[GymDevice]:
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        pytest.skip("no Chromium with chromedriver is installed")
    with GymDevice.connect(str(PAGE)) as opened:
        yield opened


@pytest.fixture
def suite(checkout: Path, device: GymDevice) -> Suite:
    """What of the stand-in's tasks can be run on its page."""
    found = open_suite("mobilegym", checkout)
    assert found.fit is not None
    return found.fit(found, device)


Evaluated = Callable[..., tuple[dict[str, Any], dict[str, Any]]]


@pytest.fixture
def evaluated(
    checkout: Path, openai_server: Any, clerk: Any, tmp_path: Path, capsys: Any
) -> Evaluated:
    """What the command prints of a scripted model's try at a task, and the record of it."""

    def run(task: str, *deeds: Any, view: str = "mobilegym") -> tuple[Any, Any]:
        out = tmp_path / "out"
        given = ["--suite", "mobilegym", "--gym-root", str(checkout), "--split", task]
        given += ["--device", view, "--web-url", str(PAGE), "--out", str(out), "--json"]
        model = openai_server(clerk(deeds)).spec()
        assert main(["eval", "phone", "--model", model, *given]) == 0
        printed = json.loads(capsys.readouterr().out)
        (line,) = (out / "trials.jsonl").read_text("utf-8").splitlines()
        return printed, json.loads(line)["result"]

    return run


@needs_chromium
@pytest.mark.parametrize(
    ("task", "deeds"),
    [
        ("notes.DeleteNote", [("Tap", "Delete Rent")]),
        ("settings.BeQuiet", [("Tap", "Quiet")]),
        (
            "notes.CountNotes",
            [("Open_App", "Answer Sheet"), ("Tap", "Your answer"), ("Type", "2"), ("Tap", "Send")],
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_task_that_was_done_is_judged_so(
    task: str, deeds: list[Any], evaluated: Evaluated
) -> None:
    printed, record = evaluated(task, *deeds)
    assert printed["suite"] == "mobilegym (tree)"
    assert printed["metrics"]["success"]["value"] == 1
    assert record["side_effects"] == []
    assert record["curve"][-1] == 1


@needs_chromium
def test_a_false_completion_is_judged_so(evaluated: Evaluated) -> None:
    printed, record = evaluated("settings.BeQuiet")
    assert printed["metrics"]["false completion"]["value"] == 1
    assert record["outcome"] == "success"
    assert [one["why"] for one in record["verdicts"]] == ["quiet is False, not True", ""]


@needs_chromium
def test_a_side_effect_is_judged_so(evaluated: Evaluated) -> None:
    printed, record = evaluated("settings.BeQuiet", ("Tap", "Quiet"), ("Tap", "Sounds"))
    assert printed["metrics"]["side effects"]["value"] == 1
    assert printed["metrics"]["success"]["value"] == 0
    assert record["side_effects"] == ["settings.sounds: True -> False"]
    assert [one["holds"] for one in record["verdicts"]] == [True, False]


@needs_chromium
def test_pictures_only_are_another_result(evaluated: Evaluated) -> None:
    touched = ("Tap", (990, 72))
    printed, record = evaluated("settings.BeQuiet", touched, view="mobilegym:picture")
    assert printed["suite"] == "mobilegym (picture)"
    assert record["verdicts"][0]["holds"] is True


@needs_chromium
def test_tasks_whose_data_are_missing_are_left_out_by_name(suite: Suite) -> None:
    assert {one.name for one in suite.templates} == {
        "notes.DeleteNote",
        "notes.CountNotes",
        "settings.BeQuiet",
        "odd.AskScript",
        "odd.DrawFromNothing",
    }
    assert set(suite.left_out) == {"across.BuyTea", "launcher.TidyHome", "broken.Ship"}
    assert suite.left_out["across.BuyTea"] == "the page has no data of shop"
    assert suite.left_out["broken.Ship"].startswith("FileNotFoundError: ")
    assert suite.split("test").left_out == ("broken.Ship", "across.BuyTea")
    assert suite.split("test").templates == ("notes.DeleteNote", "settings.BeQuiet")


@needs_chromium
def test_what_is_left_out_stands_above_the_table(
    checkout: Path, openai_server: Any, clerk: Any, tmp_path: Path
) -> None:
    given = ["--suite", "mobilegym", "--gym-root", str(checkout), "--split", "train"]
    given += ["--device", "mobilegym", "--web-url", str(PAGE), "--out", str(tmp_path / "out")]
    assert main(["eval", "phone", "--model", openai_server(clerk([])).spec(), *given]) == 0
    summary = (tmp_path / "out" / "summary.md").read_text("utf-8")
    assert "# mobilegym (tree): " in summary
    assert "left out" not in summary
    given[given.index("train")] = "across.BuyTea"
    given[given.index(str(tmp_path / "out"))] = str(tmp_path / "other")
    assert main(["eval", "phone", "--model", "http://127.0.0.1:1/v1#m", *given]) == 2


@needs_chromium
def test_equal_seeds_draw_equal_tasks_from_the_live_state(suite: Suite, device: GymDevice) -> None:
    told = []
    for seed in (4, 4, 0, 1):
        task = suite.template("notes.DeleteNote").draw(seed)
        assert task.set_up is not None
        told.append(task.set_up(device))
    assert told[0] == told[1]
    assert set(told) == {"Delete the note Milk.", "Delete the note Rent."}


@needs_chromium
def test_a_task_runs_scripts_of_its_own_and_a_failing_judge_judges_nothing(
    suite: Suite, device: GymDevice
) -> None:
    task = suite.template("odd.AskScript").draw(0)
    assert task.set_up is not None
    assert task.set_up(device) == "Look at ! A phone!!."
    assert [rubric.check(Evidence()) for rubric in task.rubrics] == [None, None]


@needs_chromium
def test_a_task_that_finds_nothing_to_draw_from_says_so(suite: Suite, device: GymDevice) -> None:
    task = suite.template("odd.DrawFromNothing").draw(0)
    assert task.set_up is not None
    with pytest.raises(ToolError, match=r"could not begin odd\.DrawFromNothing: KeyError"):
        task.set_up(device)


@needs_chromium
def test_steps_are_the_tasks_own_or_those_of_its_level(suite: Suite) -> None:
    steps = {one.name: one.draw(0).max_steps for one in suite.templates}
    assert (steps["settings.BeQuiet"], steps["notes.DeleteNote"]) == (6, 15)


@needs_chromium
@pytest.mark.parametrize("wanted", ["Notes", "notizen", "com.example.notes", "notes", "Notizn"])
def test_an_app_opens_by_any_of_its_names(wanted: str, device: GymDevice) -> None:
    device.perform(Home())
    receipt = device.perform(OpenApp(wanted))
    assert receipt.detail == "opened Notizen (notes)"
    assert device.current_app() == AppInfo("notes", "Notizen", "/")


@needs_chromium
def test_an_app_that_is_not_there_is_not_opened(device: GymDevice) -> None:
    device.perform(Home())
    with pytest.raises(AppNotFound, match="no app is called 'Chess'; the closest are"):
        device.perform(OpenApp("Chess"))
    assert device.current_app() == AppInfo("launcher", "Home screen")


@needs_chromium
def test_the_keys_of_the_phone_are_the_pages(device: GymDevice) -> None:
    reader = ScreenReader(device, pictures="when needed")
    device.perform(OpenApp("Notes"))
    device.perform(SwitchApp())
    assert [one.text for one in reader.read().elements] == ["Recent apps"]
    device.perform(OpenApp("Notes"))
    device.perform(Back())
    assert [one.text for one in reader.read().elements] == ["Home"]


@needs_chromium
def test_a_drawn_switch_tells_its_state(device: GymDevice) -> None:
    device.begin_anew([])
    device.perform(OpenApp("Settings"))
    switches = {
        one.text: one.checked
        for one in ScreenReader(device, pictures="when needed").read().elements
        if one.role == "switch"
    }
    assert switches == {"Quiet": False, "Sounds": True}


@needs_chromium
def test_data_that_do_not_come_break_a_beginning(device: GymDevice) -> None:
    with pytest.raises(ToolError, match="lacks data: Error: no wares"):
        device.begin_anew(["shop"])


@needs_chromium
def test_a_page_that_is_not_mobilegyms_is_refused() -> None:
    class Hasty(GymDevice):
        patience_s: ClassVar[float] = 0.0

    with (
        Hasty.connect("about:blank") as page,
        pytest.raises(DeviceUnavailable, match="about:blank is not MobileGym's page"),
    ):
        page.await_page()


def test_pictures_have_no_tree() -> None:
    assert Capability.UI_TREE not in GymPictures.capabilities
    with pytest.raises(UnreadableTree, match="pictures only"):
        GymPictures.ui_tree(None)  # type: ignore[arg-type]


def test_a_phone_is_not_mobilegyms(checkout: Path) -> None:
    found = open_suite("mobilegym", checkout)
    assert found.fit is not None
    with pytest.raises(UsageError, match="--device mobilegym"):
        found.fit(found, None)  # type: ignore[arg-type]


def test_a_folder_without_bench_env_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no checkout of MobileGym"):
        open_suite("mobilegym", tmp_path)
    with pytest.raises(UsageError, match="--gym-root"):
        open_suite("mobilegym")


def test_a_package_that_it_needs_is_named(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bench_env")
    package = checkout / "bench_env" / "__init__.py"
    package.write_text("import no_such_package_as_this\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"no_such_package_as_this.*pip install playwright"):
        open_suite("mobilegym", checkout)


def test_two_checkouts_do_not_mix(checkout: Path, tmp_path: Path) -> None:
    open_suite("mobilegym", checkout)
    other = tmp_path / "other" / "bench_env"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="another checkout of MobileGym is in use"):
        open_suite("mobilegym", other.parent)
