"""What goes wrong on a simulated phone, and when."""

import re
from dataclasses import dataclass
from random import Random
from typing import Literal, Self

from tapgraph.errors import UsageError
from tapgraph.tools.mobile.simulator.distractions import KINDS, DistractionKind

__all__ = ["DueFaults", "FaultPlan"]

_PART = re.compile(
    r"(tap|slow|popup|crash|network|call|battery|message|update|distraction)"
    r"@([1-9]\d{0,5})(?:-([1-9]\d{0,5}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Faults by ordinal, all counted from 1.

    An input is a touch, a key, a text, the start or the end of an app, a rotation; looking is not.

    Attributes:
        swallowed_taps: these taps do nothing.
        slow_pages: these pages show a progress circle for some seconds after they were opened.
        popups: after these inputs, as soon as an app is in front, it shows a pop-up.
        crashes: at these inputs, or the first after them with an app in front, that app crashes.
        distractions: after these inputs, as soon as an app is in front, comes one of this kind;
            the seed draws the kind where it is `any`.
        network_lost: from the first to the second input of each pair there is no network.
    """

    swallowed_taps: tuple[int, ...] = ()
    slow_pages: tuple[int, ...] = ()
    popups: tuple[int, ...] = ()
    crashes: tuple[int, ...] = ()
    distractions: tuple[tuple[int, DistractionKind | Literal["any"]], ...] = ()
    network_lost: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The plan that a text such as `tap@3,slow@2,popup@5,crash@9,network@4-6` describes.

        Raises:
            UsageError: a part cannot be understood.

        >>> FaultPlan.parse("tap@3, tap@1, network@4-6").swallowed_taps
        (1, 3)
        """
        ordinals: dict[str, list[int]] = {"tap": [], "slow": [], "popup": [], "crash": []}
        network: list[tuple[int, int]] = []
        distractions: list[tuple[int, DistractionKind | Literal["any"]]] = []
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            found = _PART.fullmatch(part)
            last = int(found[3] or found[2]) if found else 0
            if found is None or last < int(found[2]) or (found[3] and found[1] != "network"):
                raise UsageError(
                    f"cannot read the fault {part!r}; write tap@N, slow@N, popup@N, crash@N, "
                    "call@N, battery@N, message@N, update@N, distraction@N or "
                    "network@FIRST-LAST, with commas between, counted from 1"
                )
            if found[1] == "network":
                network.append((int(found[2]), last))
            elif found[1] not in ordinals:
                kind = next((one for one in KINDS if one == found[1]), None)
                distractions.append((last, kind or "any"))
            else:
                ordinals[found[1]].append(last)
        return cls(
            swallowed_taps=tuple(sorted(ordinals["tap"])),
            slow_pages=tuple(sorted(ordinals["slow"])),
            popups=tuple(sorted(ordinals["popup"])),
            crashes=tuple(sorted(ordinals["crash"])),
            distractions=tuple(sorted(distractions)),
            network_lost=tuple(sorted(network)),
        )

    def loses_network_at(self, ordinal: int) -> bool:
        """Whether the network is gone after the input with this ordinal."""
        return any(first <= ordinal <= last for first, last in self.network_lost)


class DueFaults:
    """What a plan still has in store for one phone.

    Attributes:
        plan: what goes wrong, and when.
        random: chooses among pop-ups and distractions.
    """

    def __init__(self, plan: FaultPlan, random: Random) -> None:
        self.plan = plan
        self.random = random
        self._taps = 0
        self._crashes = list(plan.crashes)
        self._popups = list(plan.popups)
        self._distractions = list(plan.distractions)

    def swallows_tap(self) -> bool:
        """Count a tap; whether it does nothing."""
        self._taps += 1
        return self._taps in self.plan.swallowed_taps

    def take_crash(self, ordinal: int) -> bool:
        """Whether a crash is due at this input; it is due only once."""
        return _take(self._crashes, ordinal)

    def take_popup(self, ordinal: int) -> bool:
        """Whether a pop-up is due after this input; it is due only once."""
        return _take(self._popups, ordinal)

    def take_distractions(self, ordinal: int) -> list[DistractionKind]:
        """The distractions that are due after this input; each is due only once."""
        due = [kind for at, kind in self._distractions if at <= ordinal]
        del self._distractions[: len(due)]
        return [self.random.choice(KINDS) if kind == "any" else kind for kind in due]


def _take(ordinals: list[int], ordinal: int) -> bool:
    is_due = bool(ordinals) and ordinal >= ordinals[0]
    if is_due:
        del ordinals[0]
    return is_due
