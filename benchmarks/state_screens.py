"""Pictures of `sim` with the states that hold on them, for `screen_states.py`.

    python benchmarks/state_screens.py --folder ~/.cache/tapgraph-states   (minutes of a core)

Along the routes of the split `train`, and of `test-apps`, whose apps are in no training task, each
screen is kept as it is, and once more on a copy of the phone on which something else holds: a page
that loads, a network that is gone, a crash, a pop-up, the keyboard, one of the app's forms, or a
page of `made_up_pages`.
What holds is read from the phone's own state, never from its picture. It goes on where it stopped.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from made_up_pages import PageKind, Part, made_up_page
from PIL import Image

from tapgraph.errors import ToolError, UsageError
from tapgraph.evals.phone.sim import Kind
from tapgraph.evals.phone.sim_suite import SIM_KINDS, sim_suite
from tapgraph.tools.mobile.simulator.app import App
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Guide, LostWay
from tapgraph.tools.mobile.simulator.kit.form import Form
from tapgraph.tools.mobile.simulator.kit.kit_app import KitApp
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.screen_of import screen_of
from tapgraph.tools.mobile.simulator.views import Field
from tapgraph.tools.mobile.ui_tree import parse_ui_tree

PARTS: tuple[Part, ...] = ("train", "test-apps")
STATES = ("loading", "dialog", "keyboard", "error", "list", "form")
UNKNOWN = -1
"""Rows and fields under a window, one or two rows, one field: neither there nor not."""
_PROFILES = ("", "", "dark", "small", "small,dark", "font=1.3", "de")
_KEPT_PX = 448
"""Width of the pictures: twice what a net is given at most."""
_LEAST_ROWS = 3
_LEAST_FIELDS = 2
_MOST_MOVES = 12
_MADE_UP: dict[str, PageKind] = {
    "made-up loading": "loading", "made-up error": "error", "made-up empty": "empty",
}  # fmt: skip
_CHANGES = (
    "loads", "no network", "crash", "popup", "keyboard", "form", "form", *_MADE_UP, *_MADE_UP,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KnownScreen:
    """A picture with what is known of it.

    Attributes:
        app: the package of the app in front, or under the window in front.
        change: what was done to the phone before; empty for nothing.
        design: of a made-up page.
        states: 1 where it holds, 0 where not, `UNKNOWN` where both can be said.
        told: roles and texts of the elements, for rules.
        window_share: of the screen, how much the largest window in the hierarchy takes.
    """

    picture: Image.Image
    app: str
    change: str
    design: str
    states: dict[str, int]
    told: list[tuple[str, str]]
    window_share: float


def known_screens(kind: Kind, seed: int, part: Part) -> Iterator[KnownScreen]:
    """The screens of a task's route, each followed by one that was changed."""
    dice = Random(f"{kind.name}/{seed}")
    task = kind.task(seed)
    profile = PhoneProfile.parse(dice.choice(_PROFILES))
    with build_phone(seed=seed, profile=profile, more_apps=kind.apps) as phone:
        guide, moves = Guide(phone), 0
        for place, aim in enumerate(task.route.aims if task.route else ()):
            while not guide.is_reached(aim, task.route.times(place)) and moves < _MOST_MOVES:  # type: ignore[union-attr]
                yield _known(phone, "", "")
                if _shows_a_page(phone):
                    yield from _changed(phone, part, dice)
                moves += 1
                with suppress(ToolError):
                    SimulatedDevice(phone).perform(guide.move(aim).action)
                if aim.answer or aim.question:
                    break


def _shows_a_page(phone: Phone) -> bool:
    """Whether an app's page is in front, with nothing over it but the keyboard."""
    kinds = [one.kind for one in phone.system.windows.windows if one.kind != "keyboard"]
    return kinds == ["page"] and phone.system.activities.front.app in phone.apps


def _changed(phone: Phone, part: Part, dice: Random) -> Iterator[KnownScreen]:
    """The same screen after something happened to a copy of the phone."""
    change = dice.choice(_CHANGES)
    with phone.fork() as copy:
        activities = copy.system.activities
        page = activities.front.top
        design = ""
        if change in _MADE_UP:
            made = made_up_page(page.activity, _MADE_UP[change], part, dice)
            design = made.design
            copy.system.start_activity(made.activity)
        elif change == "form":
            if not _opens_form(activities.front.app, dice):
                return
        elif change == "loads":
            page.loading_s = 60.0
        elif change == "no network":
            page.lacks_network = True
        elif change == "crash":
            activities.crashed = activities.front.app
        elif change == "popup":
            copy.system.pop_up(dice)
        else:
            views = copy.system.windows.active.root.walk()
            fields = [one for one in views if isinstance(one, Field) and not one.visible.is_empty]
            if not fields:
                return
            middle = dice.choice(fields).visible.center
            copy.tap(middle.x, middle.y)
        copy.refresh()
        yield _known(copy, change, design)


def _opens_form(app: App, dice: Random) -> bool:
    """Whether the app has a form that can be opened; then one is in front."""
    if not isinstance(app, KitApp):
        return False
    forms = [
        page
        for page in app.pages.values()
        if any(isinstance(block, Form) for block in app.blocks(page.name))
        and (not page.entity or app.store.all(page.entity))
    ]
    if not forms:
        return False
    page = dice.choice(forms)
    app.go(page.name, dice.choice(app.store.all(page.entity)) if page.entity else None)
    return True


def _known(phone: Phone, change: str, design: str) -> KnownScreen:
    screen = screen_of(phone)
    windows = parse_ui_tree(screen.tree_xml).windows
    area = screen.size.width_px * screen.size.height_px
    return KnownScreen(
        picture=phone.screenshot().copy(),
        app=phone.system.activities.front.app.package,
        change=change,
        design=design,
        states=states_of_phone(phone, change),
        told=[(one.role.value, one.text) for one in screen.elements],
        window_share=max(one.bounds.area for one in windows) / area,
    )


def states_of_phone(phone: Phone, change: str) -> dict[str, int]:
    """What holds now, by `STATES`."""
    system = phone.system
    windows, activities = system.windows.windows, system.activities
    page, is_page = activities.front.top, activities.front.app in phone.apps
    shown = [one for one in windows[0].root.walk() if not one.visible.is_empty]
    states = {
        "loading": int(is_page and (page.loading_s > 0 or change == "made-up loading")),
        "error": int(is_page and (page.lacks_network or change == "made-up error")),
        "list": _holds(sum(one.id.endswith("_row") for one in shown), _LEAST_ROWS),
        "form": _holds(sum(one.id.startswith("field_") for one in shown), _LEAST_FIELDS),
    }
    if len([one for one in windows if one.kind != "keyboard"]) > 1:
        states |= {"list": UNKNOWN, "form": UNKNOWN}
    if activities.crashed is not None:
        states["error"] = 1
    states["dialog"] = int(any(one.is_floating for one in windows))
    states["keyboard"] = int(phone.keyboard_shown)
    return {name: states[name] for name in STATES}


def _holds(count: int, least: int) -> int:
    return UNKNOWN if 0 < count < least else int(count >= least)


def gather(folder: Path, part: Part, seeds: int) -> None:
    """Render the tasks that the folder does not have yet."""
    members = sim_suite().splits[part]
    for seed in range(members.first_seed, members.first_seed + seeds):
        for kind in SIM_KINDS:
            place = folder / part / f"{kind.name}-{seed}"
            if kind.name not in members.templates or (place / "screens.json").exists():
                continue
            place.mkdir(parents=True, exist_ok=True)
            rows = []
            with suppress(UsageError, LostWay):
                for number, one in enumerate(known_screens(kind, seed, part)):
                    one.picture.thumbnail((_KEPT_PX, 3 * _KEPT_PX), Image.Resampling.BOX)
                    one.picture.save(place / f"{number:03}.png", compress_level=1)
                    rows.append({
                        "app": one.app, "change": one.change, "design": one.design,
                        "states": one.states, "told": one.told, "window_share": one.window_share,
                    })  # fmt: skip
            (place / "screens.json").write_text(json.dumps(rows), encoding="utf-8")
            print(f"{part} {place.name}: {len(rows)} screens", flush=True)


def main() -> None:
    """Render both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    for part in PARTS:
        gather(given.folder, part, given.seeds)


if __name__ == "__main__":
    main()
