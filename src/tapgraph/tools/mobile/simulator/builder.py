"""The phone with all its apps."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tapgraph.tools.mobile.simulator.app import App
from tapgraph.tools.mobile.simulator.apps.kit_apps import KIT_APPS
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.kit.kit_app import AppSpec, KitApp
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_profile import PHONE, PhoneProfile
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["DEFAULT_CLOCK", "build_apps", "build_phone"]

DEFAULT_CLOCK = datetime(2026, 5, 14, 10, 24)  # noqa: DTZ001 - a phone shows local time
"""A Thursday morning, when most places are open."""

_NO_FAULTS = FaultPlan()


def build_phone(
    *,
    seed: int = 0,
    clock: datetime = DEFAULT_CLOCK,
    state_dir: Path | None = None,
    faults: FaultPlan = _NO_FAULTS,
    profile: PhoneProfile = PHONE,
    more_apps: Sequence[AppSpec] = (),
) -> Phone:
    """A phone with all apps on the world of the seed, and more apps behind them.

    Its databases are files in `state_dir`, or live in memory without one.
    """
    world = World.generate(seed)
    return Phone(
        [*build_apps(world), *(KitApp(spec, world) for spec in more_apps)],
        seed=seed,
        clock=clock,
        state_dir=state_dir,
        faults=faults,
        profile=profile,
    )


def build_apps(world: World) -> Sequence[App]:
    """All apps, in the order of the launcher."""
    return [KitApp(spec, world) for spec in KIT_APPS]
