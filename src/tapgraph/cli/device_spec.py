"""Which device, as plain data, and the options that say it: the same for every command."""

import dataclasses
import functools
import inspect
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, get_type_hints

from tapgraph.cli.options import (
    AppiumUrlOption,
    CapabilityOption,
    ClockOption,
    DeviceOption,
    DeviceSettingOption,
    FaultsOption,
    PhoneOption,
    SeedOption,
    SettingOption,
    StateDirOption,
    UdidOption,
    WebDriverUrlOption,
    WebUrlOption,
)
from tapgraph.errors import UsageError

__all__ = ["DEFAULT_APPIUM_URL", "DeviceSpec", "given_options", "takes_device"]

DEFAULT_APPIUM_URL = "http://127.0.0.1:4723"
"""Where an Appium server listens when nothing else was said to it."""
_SIMULATED = "sim"


@dataclass(frozen=True, kw_only=True)
class DeviceSpec:
    """A device by its name, and what belongs to it.

    Attributes:
        device: `sim`, `appium`, `web`, `replay:RUN`, `MODULE:FACTORY` or a registered name.
        capabilities: `KEY=JSON`, for the session of an Appium or WebDriver server.
        settings: `KEY=JSON`, for the Appium driver, or arguments of a factory.
    """

    device: str = _SIMULATED
    appium_url: str = DEFAULT_APPIUM_URL
    udid: str | None = None
    web_url: str | None = None
    webdriver_url: str | None = None
    capabilities: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    seed: int = 0
    faults: str = ""
    phone: str = ""
    state_dir: str | None = None
    clock: str | None = None

    @property
    def is_simulated(self) -> bool:
        """Whether it is a simulated phone in this process."""
        return self.device == _SIMULATED

    def parsed_capabilities(self) -> dict[str, Any]:
        """The capabilities by name.

        Raises:
            UsageError: one is not of the form KEY=JSON.
        """
        return _values("--capability", self.capabilities)

    def parsed_settings(self) -> dict[str, Any]:
        """The settings by name.

        Raises:
            UsageError: one is not of the form KEY=JSON.
        """
        return _values("--setting", self.settings)


Command: TypeAlias = Callable[..., Any]

_OPTIONS: dict[str, Any] = {
    "device": (DeviceOption, _SIMULATED),
    "appium_url": (AppiumUrlOption, DEFAULT_APPIUM_URL),
    "udid": (UdidOption, None),
    "web_url": (WebUrlOption, None),
    "webdriver_url": (WebDriverUrlOption, None),
    "capability": (CapabilityOption, None),
    "setting": (SettingOption, None),
    "seed": (SeedOption, 0),
    "faults": (FaultsOption, ""),
    "phone": (PhoneOption, ""),
    "state_dir": (StateDirOption, None),
    "clock": (ClockOption, None),
}
_PREFIXED: dict[str, Any] = {"setting": DeviceSettingOption}


def takes_device(
    *, without: Collection[str] = (), prefixed: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Gives a command the options that name a device in the place of its parameter `device`.

    `without` names those that mean nothing to it, `prefixed` those that are called `--device-…` as
    it has options of their names.
    """
    options = [
        inspect.Parameter(
            f"device_{name}" if name in prefixed else name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=_PREFIXED[name] if name in prefixed else annotation,
        )
        for name, (annotation, default) in _OPTIONS.items()
        if name not in without
    ]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_options(*args: Any, **given: Any) -> Any:
            named = {
                option.name.removeprefix("device_"): given.pop(option.name) for option in options
            }
            return command(*args, **given, device=_spec(**named))

        own = get_type_hints(command, include_extras=True)
        parameters = [
            parameter.replace(annotation=own[parameter.name])
            for parameter in inspect.signature(command).parameters.values()
            if parameter.name != "device"
        ]
        shown = inspect.Signature([*parameters, *options])
        annotations = {one.name: one.annotation for one in shown.parameters.values()}
        vars(with_options).update(__signature__=shown)
        with_options.__annotations__ = annotations
        return with_options

    return decorate


def _spec(
    *,
    capability: list[str] | None,
    setting: list[str] | None = None,
    state_dir: Path | None = None,
    **others: Any,
) -> DeviceSpec:
    return DeviceSpec(
        capabilities=tuple(capability or ()),
        settings=tuple(setting or ()),
        state_dir=str(state_dir) if state_dir is not None else None,
        **others,
    )


def given_options(spec: DeviceSpec) -> dict[str, str]:
    """The options that differ from what holds without them, from field to how it is written."""
    written = {"capabilities": "--capability", "settings": "--setting"}
    return {
        field.name: written.get(field.name, f"--{field.name.replace('_', '-')}")
        for field in dataclasses.fields(DeviceSpec)
        if getattr(spec, field.name) != field.default and field.name not in {"device", "seed"}
    }


def _values(option: str, texts: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        try:
            values[name.strip()] = json.loads(value)
        except ValueError as error:
            raise UsageError(f"{option} {text!r}: the value is no JSON ({error})") from error
        if not separator or not name.strip():
            raise UsageError(
                f'{option} is KEY=JSON, such as displayId=2 or locale="de", got {text!r}'
            )
    return values
