"""One command of a client, with everything that carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server.manners import Manners
from tapgraph.tools.mobile.simulator.server.parameters import Parameters
from tapgraph.tools.mobile.simulator.server.screen_tree import ScreenTree, TreeNode
from tapgraph.tools.mobile.simulator.server.session import Session

__all__ = ["Call"]


_KEYGUARD = (
    '<hierarchy index="0" class="hierarchy" rotation="0"><android.widget.FrameLayout index="0" '
    'package="com.android.systemui" class="android.widget.FrameLayout" text="" bounds="[0,0][1,1]" '
    'displayed="false" /></hierarchy>'
)


@dataclass(frozen=True, slots=True)
class Call:
    """A command inside a session.

    Attributes:
        manners: how much of the phone is told.
        path: the variable parts of the address, such as `element_id`.
        body: the JSON object that came with it.
    """

    phone: Phone
    manners: Manners
    session: Session
    path: Mapping[str, str]
    body: Parameters

    def look(self) -> ScreenTree:
        """The views that are on the screen now."""
        return ScreenTree(self.page_source())

    def page_source(self) -> str:
        """The view hierarchy; nothing but the keyguard while the screen is off."""
        return _KEYGUARD if self.session.is_locked else self.manners.source(self.phone)

    def screenshot(self) -> Image.Image:
        """The screen; black while it is off."""
        picture = self.manners.picture(self.phone)
        return Image.new("RGB", picture.size) if self.session.is_locked else picture

    def element(self) -> TreeNode:
        """The view of the `element_id` in the address, as it is now."""
        return self.session.elements.find(self.path["element_id"], self.look())
