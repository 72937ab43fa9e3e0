"""A run drawn by hand, with everything in it that a report has to show."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from tapgraph.agents.run.budget import Budget, Spent
from tapgraph.agents.run.events import (
    ActionDone,
    ActionFailed,
    ActionStarted,
    Decided,
    Escalated,
    HumanAnswered,
    HumanAsked,
    LearntShortcut,
    LearntTips,
    MemoryChanged,
    ModelCalled,
    Noted,
    Planned,
    Reflected,
    RunStarted,
    ScreenSeen,
    StepTimed,
    Verified,
    Warned,
)
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.target import Target

PLAN = ("Open Maps", "Find a tea house that is open", "Write its name into a note")
HOSTILE = (
    "<script>document.title='hacked'</script></style><img src=x onerror=alert(1)> "
    "\"quoted\" 'single' {{ 7 * 7 }} \u202egnp.exe --> ]]> </title> & &amp; \x07"
)


def draw_screen(title: str, rows: tuple[str, ...], *, button: str = "") -> Image.Image:
    """A phone screen with a bar, a list and perhaps a button."""
    font, bold = ImageFont.load_default(44), ImageFont.load_default(58)
    image = Image.new("RGB", (1080, 2400), "#fbfcff")
    draw = ImageDraw.Draw(image)
    draw.text((60, 24), "10:42", font=font, fill="#333333")
    draw.rounded_rectangle((48, 130, 1032, 280), 75, fill="#e8ebf4")
    draw.text((110, 172), title, font=bold, fill="#1b1b1f")
    for place, row in enumerate(rows):
        top = 350 + 210 * place
        draw.ellipse((60, top, 180, top + 120), fill=("#c5d3ff", "#ffd8c2", "#c9ecd3")[place % 3])
        draw.text((220, top + 5), row, font=bold, fill="#1b1b1f")
        draw.text((220, top + 72), "4.7 · open until 18:00", font=font, fill="#5f6368")
        draw.line((220, top + 165, 1032, top + 165), fill="#e3e5ea", width=3)
    if button:
        draw.rounded_rectangle((300, 1738, 780, 1868), 65, fill="#1a73e8")
        draw.text((540, 1803), button, font=bold, fill="white", anchor="mm")
    return image


class RunWriter:
    """Writes the events of a step in the order in which an agent does."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def look(self, step: int, image: Image.Image | None, app: str) -> None:
        info = AppInfo(f"com.example.{app.lower()}", app, f".{app}Activity")
        search = Element(1, Bounds(300, 1738, 780, 1868), "Search <b>", Role.BUTTON, clickable=True)
        screen = Screen(
            Size(1080, 2400), (search,), info, False, image, "<hierarchy/>", f"{app}{step}"
        )
        screen_id = self.folder.save_screen(screen)
        self.folder.record(
            ScreenSeen(
                step, screen_id, info.package, info.activity, False, 21, f"{app}{step}", "tree", 0.1
            )
        )

    def call(self, step: int, role: str, *, attempt: int = 1, error: str = "") -> None:
        self.folder.record(
            ModelCalled(
                step, role, "demonstrator", 1_830, 74, 0.0021, 1.4, attempt, not error, 1, error
            )
        )

    def act(
        self, step: int, thought: str, name: str, description: str, **arguments: object
    ) -> None:
        action = {"name": name, "arguments": arguments}
        self.call(step, "operator")
        self.folder.record(Decided(step, thought, action, description, touched(arguments)))
        self.folder.record(ActionStarted(step, 0, action))

    def done(self, step: int, name: str, detail: str = "", **arguments: object) -> None:
        self.folder.record(
            ActionDone(step, 0, {"name": name, "arguments": arguments}, 0.35, detail)
        )

    def judge(self, reflected: Reflected) -> None:
        self.folder.record(reflected)
        self.folder.record(StepTimed(reflected.step, 3.42, 2.81, 0.44, 0.15))


def touched(arguments: Mapping[str, Any]) -> Target | None:
    """What stands at the point of an action; on all screens here that is a search button."""
    if "x" not in arguments:
        return None
    return Target(Point(arguments["x"], arguments["y"]), Size(1080, 2400), "Search <b>", "button")


def write_steps(run: RunWriter) -> None:
    """Five steps: a success, an unchanged screen, a wrong page, a failed shortcut, an answer."""
    record = run.folder.record
    record(RunStarted(0, "Find a tea house", "tapgraph"))
    run.look(0, draw_screen("Home", ("Maps", "Notes", "Clock")), "Launcher")
    run.call(0, "manager")
    record(Planned(0, "Maps knows opening hours; the note comes last.", PLAN, PLAN[0], "planned"))

    run.act(1, "Maps is the first icon.", "Open_App", "Open Maps to search", app_name="Maps")
    run.done(1, "Open_App", "Maps (com.example.maps)", app_name="Maps")
    run.look(1, draw_screen("Search here", ("Tea Garden", "Leaf & Cup"), button="Search"), "Maps")
    run.call(1, "reflector")
    run.judge(Reflected(1, "A", "", "Maps is open on the search page.", "model"))

    run.act(2, "The search button starts the search.", "Tap", "Press Search", x=540, y=1803)
    run.done(2, "Tap", x=540, y=1803)
    run.look(2, draw_screen("Search here", ("Tea Garden", "Leaf & Cup"), button="Search"), "Maps")
    run.judge(Reflected(2, "C", "Nothing changed after the tap.", "", "unchanged screen"))

    run.act(3, "Perhaps the list hides more.", "Swipe", HOSTILE, x1=540, y1=1900, x2=540, y2=700)
    run.done(3, "Swipe", x1=540, y1=1900, x2=540, y2=700)
    run.look(3, draw_screen("<script>alert(1)", ("Sign in", "Create account")), "Popup")
    run.call(3, "reflector", error="outcome: Input should be 'A', 'B' or 'C'")
    run.call(3, "reflector", attempt=2)
    run.judge(Reflected(3, "B", "A sign-in page covers the list.", HOSTILE, "model"))
    record(Escalated(3, 2))
    run.call(3, "manager")
    record(Planned(3, "The pop-up must go first.", ("Close the pop-up", *PLAN[1:]), PLAN[1], ""))

    arguments: dict[str, object] = {"x": 500, "y": 200, "text": "tea house\u202e"}
    run.act(4, "The shortcut does it at once.", "Tap_Type_and_Enter", "Search again", **arguments)
    record(ActionDone(4, 0, {"name": "Tap", "arguments": {"x": 500, "y": 200}}, 0.2))
    record(ActionFailed(4, 1, {"name": "Type", "arguments": {"text": "tea"}}, "no field has focus"))
    run.look(4, draw_screen("Tea Garden", ("Directions", "Call", "Website")), "Maps")
    run.judge(Reflected(4, "B", "no field has focus", "The place is shown.", "tool"))
    record(HumanAsked(4, "confirmation", "Send the note to everybody?"))
    record(HumanAnswered(4, "no"))
    record(Noted(4, "Tea Garden\n4.7 stars, open until 18:00"))
    record(Warned(4, "The view tree could not be read once; text recognition stood in."))

    run.act(5, "All is known.", "Answer", "Tell the user", text="Tea Garden")
    run.call(5, "verifier")
    record(Verified(5, True))
    record(
        LearntShortcut(5, {"name": "Search_Maps", "description": "Searches for a kind of place"})
    )
    record(LearntTips(5, ("Close sign-in pages with Back.",)))
    record(MemoryChanged(5, "retire", "a1", "Scroll <b>twice</b>.", "action 3 shows it"))


@pytest.fixture(scope="session")
def _written_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    header = RunHeader(
        instruction="Find a tea house that is open now & note its name <b>today</b>",
        pipeline="tapgraph",
        model="demonstrator",
        device="simulated phone",
        memory="sqlite:///memory.db",
        budget=Budget(max_tokens=200_000),
        seed=7,
        demonstrator=True,
        options={"faults": "tap@1"},
    )
    with RunFolder.create(tmp_path_factory.mktemp("written") / "run", header) as folder:
        write_steps(RunWriter(folder))
        folder.finish(
            Outcome.SUCCESS, "all subgoals were verified", "Tea Garden", Spent(5, 17_136, 20, 0.02)
        )
    return folder.path


@pytest.fixture
def phone_run(_written_run: Path, tmp_path: Path) -> RunFolder:
    """A finished run of five steps, a copy for each test."""
    return RunFolder.open(shutil.copytree(_written_run, tmp_path / "run"))


@pytest.fixture
def long_run(tmp_path: Path) -> Callable[[int], RunFolder]:
    """Makes a run of so many steps, each with a full-size picture."""

    def write(steps: int) -> RunFolder:
        header = RunHeader(instruction="Go on", pipeline="tapgraph", model="m", device="phone")
        with RunFolder.create(tmp_path / "long", header) as folder:
            run = RunWriter(folder)
            run.look(0, draw_screen("Home", ("Maps",)), "Launcher")
            for step in range(1, steps + 1):
                run.act(step, "Next.", "Tap", "Press the button", x=540, y=1803)
                run.done(step, "Tap", x=540, y=1803)
                rows = tuple(f"Place {step}.{row}" for row in range(9))
                run.look(step, draw_screen(f"Page {step}", rows, button="More"), "Maps")
                run.judge(Reflected(step, "A", "", f"Page {step}", "model"))
        return folder

    return write
