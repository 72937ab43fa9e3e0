"""From a device's name and options to a device."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tapgraph.cli.device_spec import DeviceSpec, given_options
from tapgraph.errors import UsageError

if TYPE_CHECKING:
    from tapgraph.tools.mobile.device import Device
    from tapgraph.tools.mobile.simulator.phone import Phone
    from tapgraph.tools.mobile.web import WebDevice

__all__ = ["DEVICE_GROUP", "check_options", "open_device", "open_phone"]

DEVICE_GROUP = "tapgraph.devices"
"""The group of entry points by which installed packages register devices."""
_OWN = "a device of your own"
_TAKES: Mapping[str, frozenset[str]] = {
    "sim": frozenset({"faults", "phone", "state_dir", "clock"}),
    "appium": frozenset({"appium_url", "udid", "capabilities", "settings"}),
    "web": frozenset({"web_url", "webdriver_url", "capabilities"}),
    "mobilegym": frozenset({"web_url", "webdriver_url", "capabilities"}),
    "replay": frozenset(),
    _OWN: frozenset({"settings"}),
}
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")

# PLC0415 in this file: what a device needs is loaded only when it is asked for.


def open_device(spec: DeviceSpec) -> Device:
    """The device of that name.

    Raises:
        UsageError: there is none, or an option cannot be understood or does not fit it.
        DeviceUnavailable: no server answers, or it has no such device.
    """
    check_options(spec)
    kind, _, place = spec.device.partition(":")
    if spec.device == "sim":
        return _simulated(spec)
    if spec.device == "appium":
        from tapgraph.tools.mobile.appium_device import AppiumDevice  # noqa: PLC0415

        return AppiumDevice.connect(
            spec.appium_url,
            udid=spec.udid,
            capabilities=spec.parsed_capabilities(),
            settings=spec.parsed_settings(),
        )
    if spec.device == "web" or kind == "mobilegym":
        return _web(spec)
    if kind == "replay":
        from tapgraph.agents.mobile.recording import replay_device  # noqa: PLC0415

        return replay_device(Path(place))
    return _made(spec)


def check_options(spec: DeviceSpec) -> None:
    """Return when every option that was given means something to the device.

    Raises:
        UsageError: one does not.
    """
    kind = spec.device.partition(":")[0]
    takes = _TAKES.get(kind, _TAKES[_OWN])
    for name, option in given_options(spec).items():
        if name not in takes:
            fitting = " or ".join(one for one, takes in _TAKES.items() if name in takes)
            raise UsageError(f"{option} is for --device {fitting}, not for {spec.device}")


def open_phone(
    *,
    seed: int = 0,
    faults: str = "",
    phone: str = "",
    state_dir: Path | None = None,
    clock: str | None = None,
) -> Phone:
    """A fresh simulated phone.

    Raises:
        UsageError: the faults, the kind of phone, the time or the folder cannot be used.
    """
    from tapgraph.tools.mobile.simulator.builder import (  # noqa: PLC0415
        DEFAULT_CLOCK,
        build_phone,
    )
    from tapgraph.tools.mobile.simulator.faults import FaultPlan  # noqa: PLC0415
    from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile  # noqa: PLC0415

    if state_dir is not None:
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--state-dir {str(state_dir)!r}: {error.strerror}") from error
    return build_phone(
        seed=seed,
        clock=DEFAULT_CLOCK if clock is None else _local_time(clock),
        state_dir=state_dir,
        faults=FaultPlan.parse(faults),
        profile=PhoneProfile.parse(phone),
    )


def _simulated(spec: DeviceSpec) -> Device:
    from tapgraph.tools.mobile.simulator.device import SimulatedDevice  # noqa: PLC0415

    folder = Path(spec.state_dir) if spec.state_dir is not None else None
    phone = open_phone(
        seed=spec.seed, faults=spec.faults, phone=spec.phone, state_dir=folder, clock=spec.clock
    )
    return SimulatedDevice(phone)


def _web(spec: DeviceSpec) -> Device:
    if spec.web_url is None:
        raise UsageError(
            f"--device {spec.device} needs a page: add --web-url with an address or a file"
        )
    return _page_kind(spec.device).connect(
        spec.web_url,
        webdriver_url=spec.webdriver_url,
        capabilities=spec.parsed_capabilities(),
    )


def _page_kind(name: str) -> type[WebDevice]:
    if name == "web":
        from tapgraph.tools.mobile.web import WebDevice  # noqa: PLC0415

        return WebDevice
    from tapgraph.evals.phone.mobilegym import GymDevice, GymPictures  # noqa: PLC0415

    views = {"mobilegym": GymDevice, "mobilegym:picture": GymPictures}
    if name not in views:
        raise UsageError(f"no device is called {name!r}; use {' or '.join(views)}")
    return views[name]


def _made(spec: DeviceSpec) -> Device:
    """What a factory of somebody else's makes; the settings are its arguments."""
    factory = _factory(spec.device)
    try:
        device = factory(**spec.parsed_settings())
    except TypeError as error:
        raise UsageError(f"--device {spec.device}: {error}; arguments are --setting") from error
    if not hasattr(device, "perform"):
        raise UsageError(f"--device {spec.device}: the factory gave {device!r:.80}, and no Device")
    made: Device = device
    return made


def _factory(name: str) -> Callable[..., Any]:
    registered = {one.name: one for one in entry_points(group=DEVICE_GROUP)}
    try:
        if name in registered:
            made: Callable[..., Any] = registered[name].load()
            return made
        if _FACTORY.fullmatch(name):
            module, _, attribute = name.partition(":")
            found: Any = import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
            return found  # type: ignore[no-any-return]
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--device {name!r} cannot be loaded: {error}") from error
    known = ", ".join(["sim", "appium", "web", "replay:RUN", *sorted(registered)])
    raise UsageError(f"no device is called {name!r}; use one of {known}, or MODULE:FACTORY")


def _local_time(text: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--clock must be a time such as 2026-05-14T10:24, got {text!r}"
        ) from error
    return parsed.replace(tzinfo=None)
