"""Which session a client asks for, and whether this phone can give it."""

from collections.abc import Mapping

from tapgraph.tools.mobile.simulator.server.parameters import Parameters
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = ["match_capabilities"]

_STANDARD = frozenset({
    "acceptInsecureCerts",
    "browserName",
    "browserVersion",
    "pageLoadStrategy",
    "platformName",
    "proxy",
    "setWindowRect",
    "strictFileInteractability",
    "timeouts",
    "unhandledPromptBehavior",
    "userAgent",
    "webSocketUrl",
})
_AUTOMATION_NAMES = frozenset({"uiautomator2", "tapgraphsim"})


def match_capabilities(body: Parameters, *, udid: str) -> dict[str, object]:
    """The capabilities that a new session gets, vendor prefixes kept.

    The first object of `firstMatch` that, merged with `alwaysMatch`, fits this phone wins
    (section 7.2 of the WebDriver standard).

    Raises:
        ProtocolError: `invalid argument` for a malformed request, `session not created` when
            nothing fits.
    """
    capabilities = Parameters(body.mapping("capabilities"))
    always = _checked(capabilities.mapping("alwaysMatch", {}))
    choices = capabilities.sequence("firstMatch", [{}])
    if not choices:
        raise ProtocolError("invalid argument", "'firstMatch' must not be empty")
    merged = [_merged(always, choice) for choice in choices]
    reasons = [_mismatch(candidate, udid) for candidate in merged]
    for candidate, reason in zip(merged, reasons, strict=True):
        if reason is None:
            return candidate
    raise ProtocolError("session not created", "; ".join(reason for reason in reasons if reason))


def _merged(always: Mapping[str, object], choice: object) -> dict[str, object]:
    first = _checked(choice)
    both = sorted(set(always) & set(first))
    if both:
        raise ProtocolError(
            "invalid argument", f"{', '.join(both)} stands in 'alwaysMatch' and in 'firstMatch'"
        )
    return {**always, **first}


def _checked(capabilities: object) -> dict[str, object]:
    if not isinstance(capabilities, dict):
        raise ProtocolError(
            "invalid argument", f"capabilities must be objects, got {capabilities!r:.200}"
        )
    for name in capabilities:
        if ":" not in name and name not in _STANDARD:
            raise ProtocolError(
                "invalid argument",
                f"the capability {name!r} is no standard one; write it as 'appium:{name}'",
            )
    given = {name: value for name, value in capabilities.items() if value is not None}
    _check_types(Parameters(given))
    return given


def _check_types(capabilities: Parameters) -> None:
    for name in ("platformName", "appium:automationName", "appium:udid", "appium:appPackage"):
        if name in capabilities:
            capabilities.text(name)
    for name in ("appium:noReset", "appium:autoLaunch"):
        if name in capabilities:
            capabilities.boolean(name)
    for name in Parameters(capabilities.mapping("timeouts", {})).names:
        timeout_ms = Parameters(capabilities.mapping("timeouts")).integer(name)
        if timeout_ms < 0:
            raise ProtocolError(
                "invalid argument", f"the timeout {name!r} must be at least 0, got {timeout_ms}"
            )
    if "appium:newCommandTimeout" in capabilities:
        timeout_s = capabilities.number("appium:newCommandTimeout")
        if timeout_s < 0:
            raise ProtocolError(
                "invalid argument",
                f"'appium:newCommandTimeout' must be at least 0, got {timeout_s!r}",
            )


def _mismatch(capabilities: Mapping[str, object], udid: str) -> str | None:
    platform = str(capabilities.get("platformName", "Android"))
    if platform.lower() not in {"android", "*"}:
        return f"this phone runs Android, not {platform!r}"
    if capabilities.get("browserName"):
        return "this phone has no browser to automate; leave 'browserName' out"
    automation = str(capabilities.get("appium:automationName", "UiAutomator2"))
    if automation.lower() not in _AUTOMATION_NAMES:
        return f"'appium:automationName' must be 'UiAutomator2', got {automation!r}"
    wanted = capabilities.get("appium:udid", udid)
    if wanted != udid:
        return f"no phone has the udid {wanted!r}; this one is {udid!r}"
    return None
