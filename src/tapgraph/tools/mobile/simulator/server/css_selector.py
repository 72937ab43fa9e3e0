"""CSS selectors as Appium's UiAutomator2 driver takes them: it turns them into UiSelectors."""

import re
from collections.abc import Iterator, Mapping

from tapgraph.tools.mobile.simulator.server.java_expression import Expression, MethodCall, Value
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError
from tapgraph.tools.mobile.simulator.server.ui_selector import UiSelector, selector_from

__all__ = ["selector_from_css"]

_PART = re.compile(
    r"""(?P<any>\*)
      | \.(?P<class>[\w$-]+(?:\\\.[\w$-]+)*)
      | \#(?P<id>(?:[\w$-]|\\.)+)
      | \[\s*(?P<name>[\w-]+)\s*(?:(?P<operator>[~^$*]?=)\s*
            (?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\]\s]+))\s*)?\]
      | :(?P<pseudo>[\w-]+)(?:\((?P<argument>[^)]*)\))?
      | (?P<tag>[A-Za-z_][\w$-]*)
    """,
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*>\s*|\s+")
_BOOLEANS = frozenset({
    "checkable", "checked", "clickable", "enabled", "focusable", "focused", "long-clickable",
    "scrollable", "selected",
})  # fmt: skip
_NUMBERS: Mapping[str, str] = {"index": "index", "nth-child": "index", "instance": "instance"}
_TEXTS: Mapping[str, str] = {
    "text": "text",
    "description": "description",
    "content-description": "description",
    "content-desc": "description",
    "desc": "description",
    "accessibility-id": "description",
    "resource-id": "resourceId",
    "id": "resourceId",
    "class-name": "className",
    "package-name": "packageName",
}
_HAS_CONTAINS = frozenset({"text", "description"})


def selector_from_css(source: str, *, package: str) -> UiSelector:
    """The views that a selector means; an id without a package is the `package`'s.

    Raises:
        ProtocolError: `invalid selector` for what the driver cannot turn into a UiSelector.
    """
    return selector_from(_expression(source.strip(), source, package))


def _expression(rest: str, source: str, package: str) -> Expression:
    if not rest or "," in re.sub(r"\[[^\]]*\]|\([^)]*\)", "", rest):
        raise _unreadable(source)
    calls: list[MethodCall] = []
    tag = ""
    classes: list[str] = []
    position = 0
    while position < len(rest):
        match = _PART.match(rest, position)
        if match is None:
            gap = _SPACE.match(rest, position)
            if gap is None or not gap[0]:
                raise _unreadable(source)
            inner = _expression(rest[gap.end() :], source, package)
            calls.append(MethodCall("childSelector", (inner,)))
            break
        position = match.end()
        tag = match["tag"] or tag
        if match["class"]:
            classes.append(match["class"].replace("\\", ""))
        calls += _calls(match, source, package)
    return Expression(MethodCall("UiSelector", ()), (*_class_calls(tag, classes), *calls))


def _class_calls(tag: str, classes: list[str]) -> Iterator[MethodCall]:
    if tag and classes:
        yield MethodCall("className", (".".join([tag, *classes]),))
    elif tag:
        yield MethodCall("classNameMatches", (tag,))
    elif classes:
        yield MethodCall("classNameMatches", (r"\.".join(classes),))


def _calls(match: re.Match[str], source: str, package: str) -> Iterator[MethodCall]:
    if match["id"]:
        yield MethodCall("resourceId", (_whole_id(match["id"].replace("\\", ""), package),))
    name = match["name"] or match["pseudo"]
    if not name:
        return
    given = next(filter(None, (match[one] for one in ("double", "single", "bare", "argument"))), "")
    if name in _BOOLEANS:
        if given not in {"", "true", "false"}:
            raise _unreadable(source)
        yield MethodCall(_camel(name), (given != "false",))
    elif name in _NUMBERS:
        if not given.isdecimal():
            raise _unreadable(source)
        yield MethodCall(_NUMBERS[name], (int(given),))
    elif name in _TEXTS:
        yield _text_call(_TEXTS[name], match["operator"] or "=", given, package)
    else:
        raise ProtocolError(
            "invalid selector",
            f"'{name}' is not a valid attribute. Supported attributes are "
            f"'{', '.join(sorted({*_BOOLEANS, *_NUMBERS, *_TEXTS}))}'",
        )


def _text_call(method: str, operator: str, text: str, package: str) -> MethodCall:
    if method == "resourceId":
        text = _whole_id(text, package)
    has_contains = method in _HAS_CONTAINS
    pattern = re.escape(text)
    value: Value
    match operator:
        case "*=":
            suffix, value = ("Contains", text) if has_contains else ("Matches", f".*{pattern}.*")
        case "^=":
            suffix, value = ("StartsWith", text) if has_contains else ("Matches", f"{pattern}.*")
        case "$=":
            suffix, value = "Matches", f".*{pattern}"
        case "~=":
            suffix, value = "Matches", rf".*\b(\w*{pattern}\w*)\b.*"
        case _:
            suffix, value = ("" if text else "Matches"), text
    return MethodCall(f"{method}{suffix}", (value,))


def _whole_id(name: str, package: str) -> str:
    return name if ":id/" in name else f"{package}:id/{name}"


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(one.capitalize() for one in others)


def _unreadable(source: str) -> ProtocolError:
    return ProtocolError(
        "invalid selector", f"Invalid CSS selector '{source[:200]}': it cannot be converted"
    )
