"""An Appium server: is it there, and a new session on it."""

import json
import re
import socket
import zlib
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from appium.options.common.base import AppiumOptions
from appium.webdriver.client_config import AppiumClientConfig
from appium.webdriver.webdriver import WebDriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.proxy import Proxy, ProxyType
from urllib3 import PoolManager, ProxyManager, make_headers
from urllib3.exceptions import HTTPError

from tapgraph.errors import DeviceUnavailable, UsageError

__all__ = ["AppiumServer", "session_capabilities"]

_STATUS_TIMEOUT_S = 10
_COMMAND_TIMEOUT_S = 120
_FIRST_SYSTEM_PORT = 8200
_SYSTEM_PORTS = 100
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_STANDARD_CAPABILITIES = frozenset({"platformName", "browserName", "browserVersion", "timeouts"})
_SETTINGS: Mapping[str, object] = {
    "waitForIdleTimeout": 100,
    "enableMultiWindows": True,
}
"""By default UiAutomator2 waits 10 s while a progress bar turns, and shows one window only."""


class AppiumServer:
    """A server by its address.

    Credentials in the address are sent as HTTP basic authentication and never printed.
    """

    def __init__(self, url: str, settings: Mapping[str, object] | None = None) -> None:
        """Look at the address; nothing is sent.

        Raises:
            UsageError: it is no http address.
        """
        parts = _http_address(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = f":{parts.port}" if parts.port else ""
        self.url = f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self.is_local = parts.hostname in _LOOPBACK
        self._settings = dict(settings or {})

    def check(self) -> None:
        """See that an Appium server answers.

        Raises:
            DeviceUnavailable: nothing answers, or something that is no Appium server.
        """
        config = self._client_config()
        proxy_url = config.get_proxy_url()
        pool = ProxyManager(proxy_url) if proxy_url else PoolManager()
        headers = (
            make_headers(basic_auth=f"{self._username}:{self._password}") if self._username else {}
        )
        try:
            response = pool.request(
                "GET",
                f"{self.url}/status",
                headers=headers,
                timeout=_STATUS_TIMEOUT_S,
                retries=False,
            )
        except HTTPError as error:
            raise DeviceUnavailable(
                f"no Appium server answers at {self.url}: start one with 'appium', or use the "
                "simulated phone with 'tapgraph sim serve'"
            ) from error
        finally:
            pool.clear()
        if not _is_webdriver_status(response.data):
            raise DeviceUnavailable(
                f"{self.url} answers, but not as an Appium server (HTTP {response.status}): give "
                "the address that 'appium' prints when it starts"
            )

    def new_driver(self, capabilities: Mapping[str, object]) -> WebDriver:
        """A client with a new session, its settings made for an agent.

        Raises:
            DeviceUnavailable: the server refuses, or does not answer.
        """
        options = AppiumOptions()
        options.load_capabilities(dict(capabilities))
        try:
            driver = WebDriver(self.url, options=options, client_config=self._client_config())
        except WebDriverException as error:
            reason = (error.msg or type(error).__name__).strip().partition("\n")[0]
            raise DeviceUnavailable(
                f"the Appium server at {self.url} opens no session: {reason}"
            ) from error
        except HTTPError as error:
            raise DeviceUnavailable(f"the Appium server at {self.url} does not answer") from error
        try:
            driver.update_settings({**_SETTINGS, **self._settings})
        except WebDriverException as error:
            if self._settings:
                raise DeviceUnavailable(f"the driver refuses the settings: {error.msg}") from error
            # Drivers other than UiAutomator2 may know no settings; they then need none.
            return driver
        except HTTPError as error:
            raise DeviceUnavailable(f"the Appium server at {self.url} does not answer") from error
        return driver

    def _client_config(self) -> AppiumClientConfig:
        proxy = Proxy(raw={"proxyType": ProxyType.DIRECT}) if self.is_local else None
        return AppiumClientConfig(
            self.url,
            keep_alive=True,
            timeout=_COMMAND_TIMEOUT_S,
            proxy=proxy,
            username=self._username,
            password=self._password,
        )


def session_capabilities(
    udid: str | None, extra: Mapping[str, object] | None, *, server_is_local: bool
) -> dict[str, object]:
    """What a session is asked for.

    `extra` wins, so that any driver can be tried; None as a value leaves a capability out, and
    names without a prefix get `appium:` unless the standard knows them.

    >>> session_capabilities(None, {"automationName": "Espresso"}, server_is_local=False)[
    ...     "appium:automationName"
    ... ]
    'Espresso'
    """
    capabilities: dict[str, object] = {
        "platformName": "Android",
        "appium:automationName": "UiAutomator2",
        # The default of 60 s would end the session while a slow model thinks.
        "appium:newCommandTimeout": 0,
        "appium:noReset": True,
        "appium:autoLaunch": False,
        "appium:systemPort": _system_port(udid or "", server_is_local=server_is_local),
        "appium:disableWindowAnimation": True,
        "appium:skipLogcatCapture": True,
        # Without it Appium switches the accessibility services of a phone off.
        "appium:disableSuppressAccessibilityService": True,
        "appium:udid": udid,
    }
    for name, value in (extra or {}).items():
        is_prefixed = ":" in name or name in _STANDARD_CAPABILITIES
        capabilities[name if is_prefixed else f"appium:{name}"] = value
    return {name: value for name, value in capabilities.items() if value is not None}


def _system_port(udid: str, *, server_is_local: bool) -> int:
    """A port for the helper of UiAutomator2: the phone's own, or the next that is free here."""
    first = zlib.crc32(udid.encode()) % _SYSTEM_PORTS
    candidates = _ports_from(first)
    if not server_is_local:
        return next(candidates)
    return next((port for port in candidates if _is_free(port)), _FIRST_SYSTEM_PORT + first)


def _ports_from(first: int) -> Iterator[int]:
    for offset in range(_SYSTEM_PORTS):
        yield _FIRST_SYSTEM_PORT + (first + offset) % _SYSTEM_PORTS


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _http_address(url: str) -> SplitResult:
    fix = "write an address such as http://127.0.0.1:4723"
    shown = re.sub(r"//[^/]*@", "//***@", url)
    try:
        parts = urlsplit(url.strip())
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_usable = is_usable and parts.port != 0
    except ValueError as error:
        raise UsageError(f"the Appium address {shown!r} cannot be read: {fix}") from error
    if not is_usable:
        raise UsageError(f"the Appium address {shown!r} is no http address: {fix}")
    return parts


def _is_webdriver_status(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    value = answer.get("value") if isinstance(answer, dict) else None
    return isinstance(value, dict) and ("ready" in value or "build" in value)
