"""What a user of the Python API imports from packages instead of from files."""

from importlib import import_module
from types import ModuleType

import pytest

from tapgraph.tools import mobile

PACKAGES = [
    "tapgraph.agents",
    "tapgraph.kernels",
    "tapgraph.memory",
    "tapgraph.tools.mobile",
    "tapgraph.tools.mobile.simulator",
    "tapgraph.tools.mobile.simulator.guide",
]


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(request.param)


def test_every_exported_name_is_there(package: ModuleType) -> None:
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def test_everything_of_ours_that_a_package_holds_is_exported(package: ModuleType) -> None:
    ours = {
        name
        for name, value in vars(package).items()
        if getattr(value, "__module__", "").startswith("tapgraph.") and not name.startswith("_")
    }
    assert ours <= set(package.__all__)


def test_what_is_loaded_when_used_is_the_class_itself() -> None:
    home = import_module("tapgraph.tools.mobile.appium_device")
    assert mobile.AppiumDevice is home.AppiumDevice


def test_a_name_that_a_package_does_not_have_is_told() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Teleport'"):
        getattr(mobile, "Teleport")  # noqa: B009 - a checker would refuse the attribute
