"""Element references that outlive a screen, as long as their view is still on it."""

import uuid
from dataclasses import dataclass

from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError
from tapgraph.tools.mobile.simulator.server.screen_tree import ScreenTree, TreeNode

__all__ = ["ELEMENT_KEY", "ElementStore"]

ELEMENT_KEY = "element-6066-11e4-a52e-4f735466cecf"
"""The key of a web element reference, fixed by the standard."""

_LONGEST_STORE = 10_000


@dataclass(frozen=True, slots=True)
class _Identity:
    """What makes a view the same view on a later screen."""

    package: str
    class_name: str
    resource_id: str
    text: str
    content_desc: str
    path: tuple[int, ...]
    id_was_unique: bool

    def fits(self, node: TreeNode) -> bool:
        return (node.attribute("package"), node.class_name, node.attribute("resource-id")) == (
            self.package,
            self.class_name,
            self.resource_id,
        )

    def has_same_words(self, node: TreeNode) -> bool:
        return (node.attribute("text"), node.attribute("content-desc")) == (
            self.text,
            self.content_desc,
        )


class ElementStore:
    """From reference to view.

    The simulated phone rebuilds its views after every event, so a view is recognised by what a
    person would recognise: a resource id that nothing else on the screen has; or else its place
    and its words; or else its words alone, when only one view has them (it was scrolled). An
    editable or checkable view in its place may have changed its words.
    """

    def __init__(self) -> None:
        self._identities: dict[str, _Identity] = {}

    def reference(self, node: TreeNode, tree: ScreenTree) -> dict[str, str]:
        """A JSON element reference; the same view keeps the same reference."""
        identity = _identity(node, tree)
        for element_id, known in self._identities.items():
            if known == identity or (known.fits(node) and _same_view(known, tree) == node):
                self._identities[element_id] = identity
                return {ELEMENT_KEY: element_id}
        if len(self._identities) >= _LONGEST_STORE:
            self._identities.pop(next(iter(self._identities)))
        element_id = str(uuid.uuid4())
        self._identities[element_id] = identity
        return {ELEMENT_KEY: element_id}

    def find(self, element_id: str, tree: ScreenTree) -> TreeNode:
        """The view behind a reference, on the screen of now.

        Raises:
            ProtocolError: `no such element` for a reference that was never given, `stale element
                reference` when its view is no longer on the screen.
        """
        identity = self._identities.get(element_id)
        if identity is None:
            raise ProtocolError("no such element", f"no element was given the id {element_id!r}")
        node = _same_view(identity, tree)
        if node is None:
            words = identity.text or identity.content_desc or identity.resource_id
            raise ProtocolError(
                "stale element reference",
                f"the view {identity.class_name} {words!r} is no longer on the screen",
            )
        return node


def _identity(node: TreeNode, tree: ScreenTree) -> _Identity:
    resource_id = node.attribute("resource-id")
    twins = [other for other in tree.walk() if other.attribute("resource-id") == resource_id]
    return _Identity(
        package=node.attribute("package"),
        class_name=node.class_name,
        resource_id=resource_id,
        text=node.attribute("text"),
        content_desc=node.attribute("content-desc"),
        path=node.path,
        id_was_unique=bool(resource_id) and len(twins) == 1,
    )


def _same_view(identity: _Identity, tree: ScreenTree) -> TreeNode | None:
    candidates = [node for node in tree.walk() if identity.fits(node)]
    if identity.id_was_unique and len(candidates) == 1:
        return candidates[0]
    in_place = tree.at(identity.path)
    if in_place is not None and identity.fits(in_place):
        changes_words = in_place.is_set("checkable") or "EditText" in in_place.class_name
        if changes_words or identity.has_same_words(in_place):
            return in_place
    with_same_words = [node for node in candidates if identity.has_same_words(node)]
    return with_same_words[0] if len(with_same_words) == 1 else None
