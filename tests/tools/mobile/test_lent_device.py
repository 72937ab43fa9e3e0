"""A device that a foreign loop drives: one action out, one sight back."""

from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import DeviceLost, ToolError, UnreadableTree
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.tools.mobile.actions import Answer, Home, Tap
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.lent_device import LentDevice, Sight
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice

BLANK = Sight(Image.new("RGB", (90, 160)))


def test_actions_go_out_and_sights_come_back() -> None:
    device = LentDevice()
    seen: list[Size] = []

    def work() -> str:
        seen.append(device.size())
        device.perform(Tap(1, 2))
        seen.append(device.size())
        device.perform(Answer("nothing"))
        device.perform(Home())
        return "done"

    with device.lend(work) as loan:
        assert loan.next_action(BLANK) == Tap(1, 2)
        assert loan.next_action(Sight(Image.new("RGB", (160, 90)))) == Home()
        assert loan.next_action(BLANK) is None
        assert loan.next_action(BLANK) is None
    assert loan.result == "done"
    assert seen == [Size(90, 160), Size(160, 90)]


def test_what_the_foreign_program_cannot_do_is_told() -> None:
    device = LentDevice()

    def work() -> str:
        with pytest.raises(ToolError, match="no such icon"):
            device.perform(Tap(1, 2))
        return "told"

    with device.lend(work) as loan:
        loan.next_action(BLANK)
        assert loan.next_action(Sight(BLANK.picture, error="no such icon")) is None
    assert loan.result == "told"


def test_failing_work_fails_where_the_loop_asks() -> None:
    def work() -> None:
        raise ValueError("broken")

    with LentDevice().lend(work) as loan, pytest.raises(ValueError, match="broken"):
        loan.next_action(BLANK)


def test_a_loop_that_ends_early_takes_the_phone_away() -> None:
    device = LentDevice(name="gym")
    said: list[str] = []

    def work() -> None:
        try:
            device.perform(Tap(1, 2))
        except DeviceLost as error:
            said.append(str(error))

    with device.lend(work) as loan:
        assert loan.next_action(BLANK) == Tap(1, 2)
    assert said == ["gym was taken away"]


def test_pictures_alone_are_said_to_be_so() -> None:
    device = LentDevice(name="gym")

    def work() -> bool:
        with pytest.raises(UnreadableTree, match="gym shows pictures only"):
            device.ui_tree()
        return device.keyboard_shown()

    with device.lend(work) as loan:
        assert loan.next_action(BLANK) is None
    assert loan.result is True


def test_an_agent_does_a_task_in_a_foreign_loop(known_routes: ModuleType, tmp_path: Path) -> None:
    with build_phone(seed=7) as phone, SimulatedDevice(phone) as theirs:
        apps = [AppInfo(app.package, app.label) for app in phone.apps]
        device = LentDevice(name="gym", apps=apps)
        agent = PhoneAgent(device, RoleModels(known_routes.KnowsRoutes(phone)))

        def sight(error: str = "") -> Sight:
            tree = theirs.ui_tree().xml
            return Sight(theirs.screenshot(), tree, theirs.current_app(), error)

        with device.lend(lambda: agent.run(known_routes.NOTE, out=tmp_path / "run")) as loan:
            shown = sight()
            while (action := loan.next_action(shown)) is not None:
                theirs.perform(action)
                shown = sight()
        assert loan.result is not None
        assert loan.result.outcome is Outcome.SUCCESS
        assert known_routes.is_done(known_routes.NOTE, phone)
