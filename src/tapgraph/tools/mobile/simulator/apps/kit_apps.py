"""All apps that are made from a description, in the order of the launcher."""

from collections.abc import Sequence
from typing import Final

from tapgraph.tools.mobile.simulator.apps.burgers import BURGERS
from tapgraph.tools.mobile.simulator.apps.messages import MESSAGES
from tapgraph.tools.mobile.simulator.kit.kit_app import AppSpec

__all__ = ["KIT_APPS"]

KIT_APPS: Final[Sequence[AppSpec]] = (MESSAGES, BURGERS)
