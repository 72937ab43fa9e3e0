"""From options to a device."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tapgraph.cli.options import DeviceKind
from tapgraph.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tapgraph.tools.mobile.device import Device
    from tapgraph.tools.mobile.simulator.phone import Phone

__all__ = ["DEFAULT_APPIUM_URL", "open_device", "open_phone"]

DEFAULT_APPIUM_URL = "http://127.0.0.1:4723"
"""Where an Appium server listens when nothing else was said to it."""


def open_device(
    kind: DeviceKind,
    *,
    appium_url: str = DEFAULT_APPIUM_URL,
    udid: str | None = None,
    seed: int = 0,
    faults: str = "",
    phone: str = "",
    state_dir: Path | None = None,
    clock: str | None = None,
) -> Device:
    """The phone behind an Appium server, or a simulated one in this process.

    `seed`, `faults`, `phone`, `state_dir` and `clock` are for the simulated one, `appium_url` and
    `udid` for the other.

    Raises:
        UsageError: an option cannot be understood, or does not fit the kind of device.
        DeviceUnavailable: no Appium server answers, or it has no such phone.
    """
    if kind is DeviceKind.SIM:
        if udid is not None:
            raise UsageError("--udid is for a phone behind Appium; add --device appium")
        # PLC0415 in this file: what a device needs is loaded only when it is asked for.
        from tapgraph.tools.mobile.simulator.device import SimulatedDevice  # noqa: PLC0415

        return SimulatedDevice(
            open_phone(seed=seed, faults=faults, phone=phone, state_dir=state_dir, clock=clock)
        )
    if faults or phone or state_dir is not None or clock is not None:
        raise UsageError(
            "--faults, --phone, --state-dir and --clock are for the simulated phone; give them to "
            "'tapgraph sim serve' when that is what the Appium server is"
        )
    from tapgraph.tools.mobile.appium_device import AppiumDevice  # noqa: PLC0415

    return AppiumDevice.connect(appium_url, udid=udid)


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


def _local_time(text: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--clock must be a time such as 2026-05-14T10:24, got {text!r}"
        ) from error
    return parsed.replace(tzinfo=None)
