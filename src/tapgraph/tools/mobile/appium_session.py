"""A session with an Appium server that is opened again when it is lost."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

from selenium.common.exceptions import (
    InvalidSessionIdException,
    UnknownMethodException,
    WebDriverException,
)
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
)

from tapgraph.errors import DeviceLost, DeviceUnavailable, ToolError

__all__ = ["AppiumSession", "DriverSource", "UnsupportedCommand"]

Driver: TypeAlias = Any
"""A client of Appium or Selenium; Appium's has no types, and has methods that Selenium's lacks."""

_LONGEST_LEAVE_S = 1.5

_logger = logging.getLogger(__name__)
_Value = TypeVar("_Value")

_DRIVER_LOST = (
    "could not proxy command",
    "instrumentation process is not running",
    "socket hang up",
    "econnrefused",
    "econnreset",
    "session is either terminated or not started",
    "not connected to devtools",
    "tab crashed",
)
"""What drivers write when the server lives but the phone's part of the session died."""


class UnsupportedCommand(ToolError):
    """The driver on the server does not know a command; another way may work."""


class _SessionBroken(Exception):
    """The session is gone; `was_refused` when the server surely did not carry out the command."""

    def __init__(self, reason: str, *, was_refused: bool) -> None:
        super().__init__(reason)
        self.was_refused = was_refused


class DriverSource(Protocol):
    """A server that opens sessions."""

    url: str

    def new_driver(self, capabilities: Mapping[str, object]) -> Driver:
        """A client with a new session.

        Raises:
            DeviceUnavailable: the server refuses, or does not answer.
        """
        ...


class AppiumSession:
    """Runs commands of the Appium client and translates whatever it raises.

    A lost session is opened again once for each command. What happens then depends on the command:

    - one that only looks (`read`) is repeated, also when it was refused: a phone refuses to tell
      what is on its screen while that moves;
    - one that acts on the phone (`act`) is repeated only when the server surely did not carry it
      out: it said that the session is unknown, or no connection to it could be made. Otherwise
      the phone may or may not have done it. Repeating could buy a thing twice, so the agent is
      told, and must look at the screen.
    """

    def __init__(self, server: DriverSource, capabilities: Mapping[str, object]) -> None:
        self._server = server
        self._capabilities = capabilities
        self._driver: Driver | None = server.new_driver(capabilities)

    @property
    def capabilities(self) -> Mapping[str, object]:
        """What the server says about the phone."""
        return dict(self._open_driver().capabilities)

    def read(self, what: str, command: Callable[[Driver], _Value]) -> _Value:
        """Look at something; `what` completes the sentence "cannot ...".

        Raises:
            DeviceLost: the session broke and could not be repaired.
            ToolError: the server refuses the command twice.
        """
        try:
            return self._run(what, command)
        except _SessionBroken as broken:
            self._reopen(what, broken)
        except UnsupportedCommand:
            raise
        except ToolError as error:
            _logger.info("asking again: %s", error)
        return self._run_again(what, command)

    def act(self, what: str, command: Callable[[Driver], _Value]) -> _Value:
        """Do something on the phone; `what` completes the sentence "cannot ...".

        Raises:
            DeviceLost: the session broke and could not be repaired.
            ToolError: the server refuses the command, or the session broke in the middle of it.
        """
        try:
            return self._run(what, command)
        except _SessionBroken as broken:
            self._reopen(what, broken)
            if not broken.was_refused:
                raise ToolError(
                    f"the connection broke while trying to {what}, and was repaired; it may or "
                    "may not have happened: look at the screen"
                ) from broken
        return self._run_again(what, command)

    def close(self) -> None:
        """End the session; afterwards every command raises `DeviceLost`.

        A server that does not answer is not waited for.
        """
        driver, self._driver = self._driver, None
        if driver is None:
            return
        leaving = threading.Thread(target=_quit, args=(driver,), daemon=True, name="appium-quit")
        leaving.start()
        leaving.join(_LONGEST_LEAVE_S)

    def _open_driver(self) -> Driver:
        if self._driver is None:
            raise DeviceLost("the connection to the phone was closed; connect again")
        return self._driver

    def _run(self, what: str, command: Callable[[Driver], _Value]) -> _Value:
        driver = self._open_driver()
        try:
            return command(driver)
        except InvalidSessionIdException as error:
            raise _SessionBroken(_first_line(error), was_refused=True) from error
        except UnknownMethodException as error:
            raise UnsupportedCommand(f"cannot {what}: {_first_line(error)}") from error
        except WebDriverException as error:
            message = _first_line(error)
            if any(sign in message.lower() for sign in _DRIVER_LOST):
                raise _SessionBroken(message, was_refused=False) from error
            raise ToolError(f"cannot {what}: {message}") from error
        except HTTPError as error:
            raise _SessionBroken(
                f"no answer from {self._server.url}", was_refused=_never_arrived(error)
            ) from error

    def _run_again(self, what: str, command: Callable[[Driver], _Value]) -> _Value:
        try:
            return self._run(what, command)
        except _SessionBroken as broken:
            raise DeviceLost(f"cannot {what}: the session broke twice ({broken})") from broken

    def _reopen(self, what: str, broken: _SessionBroken) -> None:
        _logger.warning("lost the session (%s); opening a new one", broken)
        self._open_driver().command_executor.close()
        try:
            self._driver = self._server.new_driver(self._capabilities)
        except DeviceUnavailable as error:
            raise DeviceLost(
                f"cannot {what}: the session was lost ({broken}) and no new one could be opened "
                f"({error})"
            ) from error


def _quit(driver: Driver) -> None:
    try:
        driver.quit()
    except (WebDriverException, HTTPError) as error:
        _logger.info("the session could not be ended: %s", error)
    finally:
        driver.command_executor.close()


def _never_arrived(error: HTTPError) -> bool:
    reason = error.reason if isinstance(error, MaxRetryError) else error
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _first_line(error: WebDriverException) -> str:
    return (error.msg or type(error).__name__).strip().partition("\n")[0]
