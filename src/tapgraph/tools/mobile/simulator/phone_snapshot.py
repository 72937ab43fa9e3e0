"""The whole state of a phone at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from tapgraph.tools.mobile.simulator.object_graph import Constants, FrozenGraph

__all__ = ["PhoneSnapshot"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PhoneSnapshot:
    """What `Phone.snapshot()` gives; it serves only in the process that made it.

    It never changes and can be restored any number of times. Snapshots share the databases that
    did not change between them.

    Attributes:
        graph: system, apps, pages, dialogs, random generators and faults that are due.
        databases: by package, what each database holds.
        constants: what all phones that come from it share.
    """

    graph: FrozenGraph
    databases: Mapping[str, bytes]
    constants: Constants
