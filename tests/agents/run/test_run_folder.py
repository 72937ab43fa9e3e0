import json
import threading
from pathlib import Path

import pytest
from PIL import Image

from tapgraph.agents.run.budget import Budget, Spent
from tapgraph.agents.run.events import Escalated, Finished, Resumed, RunStarted, Warned
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.errors import UnreadableRun, UsageError
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen, fingerprint_of


def header() -> RunHeader:
    return RunHeader(
        instruction='say "hé" // 🙂 \udce9',
        pipeline="tapgraph",
        model="scripted",
        device="simulated phone",
        budget=Budget(max_tokens=1_000),
        seed=7,
        options={"faults": "tap@3"},
    )


def screen(color: str = "red", *, tree_xml: str = "<hierarchy/>") -> Screen:
    app = AppInfo("com.example.maps", "Maps", ".Main")
    elements = (
        Element(1, Bounds(0, 0, 10, 10), 'Gö "x"', Role.BUTTON, clickable=True, checked=False),
        Element(2, Bounds(0, 20, 10, 30), "", Role.INPUT, "a:id/b", shows_hint=True),
    )
    return Screen(
        Size(27, 60),
        elements,
        app,
        True,
        Image.new("RGB", (27, 60), color),
        tree_xml,
        fingerprint_of(app, elements, keyboard_shown=True),
        warnings=("no tree",),
    )


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", header()) as folder:
        folder.record(RunStarted(0, "go", "tapgraph"))
        folder.record(Escalated(1, 2))
        folder.finish(Outcome.SUCCESS, "verified", "42", Spent(1, 2, 3.0, 0.25))
    again = RunFolder.open(tmp_path / "run")
    assert again.header.outcome is Outcome.SUCCESS
    assert again.header.budget == Budget(max_tokens=1_000)
    assert again.header.spent == Spent(1, 2, 3.0, 0.25)
    assert again.header.options == {"faults": "tap@3"}
    assert again.events() == (
        RunStarted(0, "go", "tapgraph"),
        Escalated(1, 2),
        Finished(1, Outcome.SUCCESS, "verified", "42", Spent(1, 2, 3.0, 0.25)),
    )


def test_a_killed_run_is_unfinished_and_keeps_its_whole_lines(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, header())
    folder.record(Escalated(1, 2))
    folder.record(Escalated(2, 3))
    events = tmp_path / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-9])
    again = RunFolder.open(tmp_path)
    assert again.header.state == "unfinished"
    assert not again.header.is_finished
    assert again.events() == (Escalated(1, 2),)
    folder.close()


def test_a_resumed_run_goes_on_after_the_last_whole_line(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        folder.record(Escalated(1, 2))
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"kind":"escal')
    with RunFolder.open(tmp_path) as again:
        again.reopen()
    assert RunFolder.open(tmp_path).events() == (Escalated(1, 2), Resumed(1))


def test_a_run_that_goes_on_has_no_outcome(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        folder.finish(Outcome.BUDGET, "40 of 40 steps are used", "", Spent(steps=40))
    with RunFolder.open(tmp_path) as again:
        again.reopen()
    assert RunFolder.open(tmp_path).header.outcome is None


def test_time_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        folder._began -= 100.0
        folder.record(Escalated(1, 2))
    with RunFolder.open(tmp_path) as again:
        assert 100.0 <= again.record(Escalated(2, 2)).since_start_s < 110.0


def test_each_event_is_readable_at_once(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        folder.record(Escalated(1, 2))
        assert RunFolder.open(tmp_path).events() == (Escalated(1, 2),)


def test_events_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:

        def write(step: int) -> None:
            for count in range(50):
                folder.record(Warned(step, str(count) * 500))

        threads = [threading.Thread(target=write, args=(step,)) for step in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    events = RunFolder.open(tmp_path).events()
    assert len(events) == 200
    for step in range(4):
        texts = [event.text for event in events if isinstance(event, Warned) and event.step == step]
        assert texts == [str(count) * 500 for count in range(50)]


def test_lone_surrogates_do_not_break_the_record(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        folder.record(Warned(1, "a\ud800b"))
    again = RunFolder.open(tmp_path)
    assert again.events() == (Warned(1, "a?b"),)
    assert again.header.instruction == 'say "hé" // 🙂 ?'


def test_a_screen_is_read_as_it_was_kept(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        assert folder.save_screen(screen()) == 1
        assert folder.save_screen(screen("blue")) == 2
    again = RunFolder.open(tmp_path).load_screen(2)
    assert again.screenshot is not None
    assert again.screenshot.getpixel((0, 0)) == (0, 0, 255)
    expected = screen("blue")
    assert again.elements == expected.elements
    assert (again.app, again.size, again.fingerprint) == (
        expected.app,
        expected.size,
        expected.fingerprint,
    )
    assert again.tree_xml == "<hierarchy/>"
    assert again.warnings == ("no tree",)


def test_a_screen_can_be_read_while_its_picture_is_being_written(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        ids = [folder.save_screen(screen()) for _ in range(20)]
        assert all(folder.load_screenshot(screen_id) is not None for screen_id in ids)


def test_screens_of_a_resumed_run_are_numbered_on(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        folder.save_screen(screen())
    with RunFolder.open(tmp_path) as again:
        assert again.save_screen(screen()) == 2


def test_a_tree_alone_takes_its_number(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        (folder.path / "trees" / "0007.xml").touch()
        assert folder.save_screen(screen()) == 8


def test_a_half_written_picture_is_no_picture(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        folder.save_screen(screen())
    picture = tmp_path / "screens" / "0001.png"
    picture.write_bytes(picture.read_bytes()[:60])
    assert RunFolder.open(tmp_path).load_screenshot(1) is None


def test_a_screen_without_a_tree_has_an_empty_one(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        screen_id = folder.save_screen(screen(tree_xml=""))
    assert RunFolder.open(tmp_path).load_tree(screen_id) == ""


def test_an_unknown_screen_is_named(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, header())
    with pytest.raises(UnreadableRun, match="has no screen 9"):
        folder.load_screen(9)


def test_a_damaged_screen_is_refused(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, header()) as folder:
        folder.save_screen(screen())
    (tmp_path / "screens" / "0001.json").write_text('{"size": 3}', encoding="utf-8")
    with pytest.raises(UnreadableRun, match="damaged"):
        RunFolder.open(tmp_path).load_screen(1)


def test_a_folder_with_a_run_is_not_used_again(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, header())
    with pytest.raises(UsageError, match="already holds a run"):
        RunFolder.create(tmp_path, header())


def test_a_file_is_no_folder_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be used for a run"):
        RunFolder.create(tmp_path / "file", header())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not valid JSON"),
        ('{"version": 1, "instr', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not the header of a tapgraph run"),
        ('{"name": "someone else\'s run.json"}', "not the header of a tapgraph run"),
        ('{"version": 2}', "format 2, this tapgraph .* reads up to 1: pip install --upgrade"),
        ('{"version": 1}', "damaged: instruction"),
    ],
)
def test_a_header_that_cannot_be_read_is_explained(
    tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableRun, match=words):
        RunFolder.open(tmp_path)


def test_a_header_with_an_impossible_budget_is_damaged(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, header())
    place = tmp_path / "run.json"
    wire = json.loads(place.read_text(encoding="utf-8"))
    wire["budget"]["max_steps"] = 0
    place.write_text(json.dumps(wire), encoding="utf-8")
    with pytest.raises(UnreadableRun, match="max_steps must be at least 1"):
        RunFolder.open(tmp_path)


def test_a_folder_without_a_run_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRun, match="is not a run folder"):
        RunFolder.open(tmp_path / "nowhere")


def test_a_run_that_another_process_works_on_cannot_be_reopened_but_can_be_read(
    tmp_path: Path,
) -> None:
    with RunFolder.create(tmp_path / "run", header()) as working:
        working.record(RunStarted(0, "go", "tapgraph"))
        with RunFolder.open(tmp_path / "run") as other:
            with pytest.raises(UsageError, match="another process works on the run"):
                other.reopen()
            assert other.events() == working.events()
    with RunFolder.open(tmp_path / "run") as later:
        later.reopen()
        assert later.events()[-1] == Resumed(0)


def test_pictures_wait_until_there_is_time_for_them(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", header()) as folder:
        number = folder.save_screen(screen())
        picture = tmp_path / "run" / "screens" / f"{number:04d}.png"
        waited = not picture.exists()
        folder.file_screens()
    assert waited
    assert picture.exists()
