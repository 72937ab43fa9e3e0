"""The phones that trials run on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.kit.kit_app import AppSpec
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile

__all__ = ["OnePhone", "Phones", "SimulatedPhones"]


class Phones(Protocol):
    """Where the phones for the trials come from."""

    @property
    def name(self) -> str:
        """What to call them in reports."""
        ...

    @property
    def is_single(self) -> bool:
        """Whether there is only one, so that trials must wait for each other."""
        ...

    def opened(self, seed: int, apps: Sequence[AppSpec] = ()) -> AbstractContextManager[Device]:
        """A phone for one trial; a simulated one has these apps too."""
        ...


@dataclass(frozen=True, slots=True)
class SimulatedPhones:
    """A fresh simulated phone for each trial, on the world of its seed.

    Attributes:
        faults: what goes wrong, as `FaultPlan.parse` reads it.
        kind: which phones they are, as `PhoneProfile.parse` reads it.
    """

    faults: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        FaultPlan.parse(self.faults)
        PhoneProfile.parse(self.kind)

    @property
    def name(self) -> str:
        """Says which kind it is and which faults there are."""
        kind = f" ({self.kind})" if self.kind else ""
        return f"simulated phone{kind}" + (f" with {self.faults}" if self.faults else "")

    @property
    def is_single(self) -> bool:
        """There is one for everybody."""
        return False

    @contextmanager
    def opened(self, seed: int, apps: Sequence[AppSpec] = ()) -> Iterator[Device]:
        """A phone that is fresh from the factory."""
        faults, profile = FaultPlan.parse(self.faults), PhoneProfile.parse(self.kind)
        with (
            build_phone(seed=seed, faults=faults, profile=profile, more_apps=apps) as phone,
            SimulatedDevice(phone) as device,
        ):
            yield device


@dataclass(frozen=True, slots=True)
class OnePhone:
    """The one phone, or page, that there is; it has no worlds, so a seed changes nothing.

    Attributes:
        name: says what and where it is.
        connect: opens a connection to it.
    """

    name: str
    connect: Callable[[], Device]

    @property
    def is_single(self) -> bool:
        """There is one."""
        return True

    @contextmanager
    def opened(self, seed: int, apps: Sequence[AppSpec] = ()) -> Iterator[Device]:  # noqa: ARG002
        """A connection for one trial."""
        with self.connect() as device:
            yield device
