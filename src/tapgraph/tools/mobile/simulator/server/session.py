"""A client's session with the phone: its settings, its elements, and when it ends."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tapgraph.tools.mobile.simulator.server.element_store import ElementStore
from tapgraph.tools.mobile.simulator.server.input_sources import PointerState
from tapgraph.tools.mobile.simulator.server.parameters import Parameters
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = ["Session", "SessionBook"]

_DEFAULT_COMMAND_TIMEOUT_S = 60.0
_DEFAULT_SETTINGS: Mapping[str, object] = {
    "actionAcknowledgmentTimeout": 3000,
    "allowInvisibleElements": False,
    "enableMultiWindows": False,
    "ignoreUnimportantViews": False,
    "snapshotMaxDepth": 70,
    "waitForIdleTimeout": 10000,
    "waitForSelectorTimeout": 10000,
}


@dataclass(kw_only=True, eq=False)
class Session:
    """What belongs to one client.

    Attributes:
        command_timeout_s: the session ends when no command comes for so long; 0 is never.
        implicit_wait_s: how long a search for an element goes on before it fails.
        is_locked: whether the client turned the screen off.
        pointers: fingers that are down between two `performActions`, by input source.
    """

    id: str
    capabilities: dict[str, object]
    command_timeout_s: float
    last_used_s: float
    implicit_wait_s: float = 0.0
    settings: dict[str, object] = field(default_factory=lambda: dict(_DEFAULT_SETTINGS))
    elements: ElementStore = field(default_factory=ElementStore)
    is_locked: bool = False
    pointers: dict[str, PointerState] = field(default_factory=dict)


class SessionBook:
    """The open session. One phone serves one client at a time, as with UiAutomator2.

    A new session ends the one before it: a client that was killed must not block the phone.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._current: Session | None = None

    def open(self, capabilities: dict[str, object]) -> Session:
        """A new session with capabilities that were matched."""
        wanted = Parameters(capabilities)
        timeouts = Parameters(wanted.mapping("timeouts", {}))
        self._current = Session(
            id=str(uuid.uuid4()),
            capabilities=capabilities,
            command_timeout_s=wanted.number("appium:newCommandTimeout", _DEFAULT_COMMAND_TIMEOUT_S),
            implicit_wait_s=timeouts.integer("implicit", 0) / 1000,
            last_used_s=self._clock(),
        )
        return self._current

    def listed(self) -> list[dict[str, object]]:
        """The open session as `GET /sessions` tells it; none where there is none."""
        open_one = self._current
        return (
            [] if open_one is None else [{"id": open_one.id, "capabilities": open_one.capabilities}]
        )

    def get(self, session_id: str) -> Session:
        """The session of this id, which counts as used now.

        Raises:
            ProtocolError: `invalid session id` when it is unknown, closed or timed out.
        """
        session = self._current
        if session is None or session.id != session_id:
            raise ProtocolError(
                "invalid session id", f"no session {session_id!r}: it was closed or never opened"
            )
        idle_s = self._clock() - session.last_used_s
        if 0 < session.command_timeout_s < idle_s:
            self._current = None
            raise ProtocolError(
                "invalid session id",
                f"session {session_id!r} was closed: no command for {idle_s:.0f} s, and "
                f"'appium:newCommandTimeout' is {session.command_timeout_s:g} s",
            )
        return session

    def touch(self, session: Session) -> None:
        """Count the idle time from now on."""
        session.last_used_s = self._clock()

    def close(self) -> None:
        """End the open session, if there is one."""
        self._current = None
