"""All apps that are made from a description."""

from collections.abc import Sequence
from typing import Final

from tapgraph.tools.mobile.simulator.apps.authenticator import AUTHENTICATOR
from tapgraph.tools.mobile.simulator.apps.bank import BANK
from tapgraph.tools.mobile.simulator.apps.browser import BROWSER
from tapgraph.tools.mobile.simulator.apps.burgers import BURGERS
from tapgraph.tools.mobile.simulator.apps.calculator import CALCULATOR
from tapgraph.tools.mobile.simulator.apps.cinema import CINEMA
from tapgraph.tools.mobile.simulator.apps.clock import CLOCK
from tapgraph.tools.mobile.simulator.apps.contacts import CONTACTS
from tapgraph.tools.mobile.simulator.apps.feeds import FEEDS
from tapgraph.tools.mobile.simulator.apps.files import FILES
from tapgraph.tools.mobile.simulator.apps.mail import EMAIL
from tapgraph.tools.mobile.simulator.apps.maps import MAPS
from tapgraph.tools.mobile.simulator.apps.messages import MESSAGES
from tapgraph.tools.mobile.simulator.apps.notes import NOTES
from tapgraph.tools.mobile.simulator.apps.schedule import CALENDAR
from tapgraph.tools.mobile.simulator.apps.settings import settings_of
from tapgraph.tools.mobile.simulator.apps.shops import SHOPS
from tapgraph.tools.mobile.simulator.apps.stays import STAYS
from tapgraph.tools.mobile.simulator.apps.travel import TRAVEL
from tapgraph.tools.mobile.simulator.apps.videos import VIDEOS
from tapgraph.tools.mobile.simulator.kit import AppSpec

__all__ = ["FIRST_APPS", "KIT_APPS", "LATER_APPS", "SETTINGS"]

FIRST_APPS: Final[Sequence[AppSpec]] = (MAPS, NOTES, *SHOPS, *FEEDS, TRAVEL, CLOCK)
"""What stands first on the home screen."""
LATER_APPS: Final[Sequence[AppSpec]] = (
    BROWSER,
    MESSAGES,
    CONTACTS,
    CALENDAR,
    EMAIL,
    FILES,
    CALCULATOR,
    BANK,
    AUTHENTICATOR,
    BURGERS,
    VIDEOS,
    CINEMA,
    STAYS,
)
"""What may stand in the drawer only."""
SETTINGS: Final = settings_of((*FIRST_APPS, *LATER_APPS))
KIT_APPS: Final[Sequence[AppSpec]] = (*FIRST_APPS, SETTINGS, *LATER_APPS)
"""In the order of the launcher: the home screen has room for twenty."""
