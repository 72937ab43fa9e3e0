"""Actions on texts."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote, urlsplit

from tapgraph.errors import BudgetExhausted, ToolError
from tapgraph.tools.api.shortcuts.call import ActionCall, Handler
from tapgraph.tools.api.shortcuts.content import Content, FileItem, TextMatch, items_of, to_text
from tapgraph.tools.api.shortcuts.pattern_flags import with_scoped_flags
from tapgraph.tools.api.shortcuts.pattern_guard import may_run_long, means_something_else

__all__ = ["TEXT_ACTIONS"]

_URL = re.compile(r"https?://[^\s<>\"']+")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")


def _text(call: ActionCall) -> Content:
    return call.text("WFTextActionText")


def _separator(call: ActionCall) -> str:
    named = {"New Lines": "\n", "Spaces": " ", "Every Character": "", "Custom": None}
    chosen = call.text("WFTextSeparator", "New Lines")
    if chosen not in named:
        raise call.refused(f"the separator {chosen!r}")
    found = named[chosen]
    return call.text("WFTextCustomSeparator") if found is None else found


def _split(call: ActionCall) -> Content:
    text, separator = to_text(call.input("text")), _separator(call)
    return [*text.split(separator)] if separator else [*text]


def _combine(call: ActionCall) -> Content:
    return _separator(call).join(to_text(one) for one in call.items("text"))


def _pattern(call: ActionCall, written: str, text: str) -> re.Pattern[str]:
    is_match = call.identifier.endswith("match")
    case = "WFMatchTextCaseSensitive" if is_match else "WFReplaceTextCaseSensitive"
    written = with_scoped_flags(written)
    if may_run_long(written, len(text)):
        raise call.refused("a regular expression that may run for very long on this text")
    if means_something_else(written):
        raise call.refused("a set inside a set, or one without end, in a regular expression")
    flags = re.MULTILINE | (0 if call.flag(case, default=True) else re.IGNORECASE)
    try:
        return re.compile(written, flags)
    except (re.error, RecursionError, OverflowError) as error:
        raise ToolError(f"{written[:60]!r} is no regular expression: {error}") from error


def _replace(call: ActionCall) -> Content:
    text = to_text(call.input())
    find, new = call.text("WFReplaceTextFind"), call.text("WFReplaceTextReplace")
    if not find:
        return text
    if call.flag("WFReplaceTextRegularExpression"):
        pattern = _pattern(call, find, text)
        template = re.sub(r"\$(\d)", r"\\g<\1>", new.replace("\\", "\\\\"))
        _expect_room(call, len(text) * (1 + new.count("$")), pattern.findall(text), new)
        try:
            return pattern.sub(template, text)
        except re.error as error:
            raise ToolError(f"{new[:60]!r} names a group that is not there: {error}") from error
    case = 0 if call.flag("WFReplaceTextCaseSensitive", default=True) else re.IGNORECASE
    literal = re.compile(re.escape(find), case)
    _expect_room(call, len(text), literal.findall(text), new)
    return literal.sub(lambda _: new, text)


def _expect_room(call: ActionCall, size: int, found: Sequence[object], new: str) -> None:
    if size + len(found) * len(new) > call.session.limits.size:
        raise BudgetExhausted("the text would grow beyond what a shortcut may hold")


def _match(call: ActionCall) -> Content:
    text = to_text(call.input("text"))
    written = call.text("WFMatchTextPattern", "[0-9a-zA-Z]")
    pattern = _pattern(call, written, text)
    return [
        TextMatch(found.group(), [group or "" for group in found.groups()])
        for found in pattern.finditer(text)
    ]


def _match_group(call: ActionCall) -> Content:
    groups: list[tuple[str, ...]] = []
    for one in call.items("matches"):
        if not isinstance(one, TextMatch):
            raise ToolError("its input must be the output of Match Text")
        groups.append(one.groups)
    if call.text("WFGetGroupType", "Group At Index") == "All Groups":
        return [one for found in groups for one in found]
    index = int(call.number("WFGroupIndex", 1))
    return [found[index - 1] for found in groups if 0 < index <= len(found)]


def _change_case(call: ActionCall) -> Content:
    text = to_text(call.input("text"))
    chosen = call.text("WFCaseType", "UPPERCASE")
    if chosen in {"Capitalize Every Word", "Capitalize with Title Case"}:
        return re.sub(r"\b\w", lambda letter: letter.group().upper(), text.lower())
    if chosen == "Capitalize with sentence case":
        return re.sub(r"(^|[.!?]\s+)\w", lambda start: start.group().upper(), text.lower())
    if chosen == "cApItAlIzE wItH aLtErNaTiNg cAsE":
        letters = enumerate(text)
        return "".join(one.upper() if place % 2 else one.lower() for place, one in letters)
    if chosen not in {"UPPERCASE", "lowercase"}:
        raise call.refused(f"the case {chosen!r}")
    return text.upper() if chosen == "UPPERCASE" else text.lower()


def _url_encode(call: ActionCall) -> Content:
    text = to_text(call.input())
    return unquote(text) if call.text("WFEncodeMode") == "Decode" else quote(text, safe="")


def _base64(call: ActionCall) -> Content:
    found = call.input()
    raw = found.data if isinstance(found, FileItem) else to_text(found).encode()
    if call.text("WFEncodeMode") == "Decode":
        try:
            return base64.b64decode(raw, validate=False).decode("utf-8", errors="replace")
        except binascii.Error as error:
            raise ToolError(f"its input is no base64: {error}") from error
    if call.text("WFBase64LineBreakMode", "Every 76 Characters") == "None":
        return base64.b64encode(raw).decode()
    return "\r\n".join(base64.encodebytes(raw).decode().split("\n")).strip()


def _hash(call: ActionCall) -> Content:
    found = call.input()
    raw = found.data if isinstance(found, FileItem) else to_text(found).encode()
    name = call.text("WFHashType", "MD5").lower()
    if name not in {"md5", "sha1", "sha256", "sha512"}:
        raise call.refused(f"the hash {name!r}")
    return hashlib.new(name, raw, usedforsecurity=False).hexdigest()


def _detected(pattern: re.Pattern[str]) -> Handler:
    def handler(call: ActionCall) -> Content:
        return [*pattern.findall(to_text(call.input()))]

    return handler


def _detect_numbers(call: ActionCall) -> Content:
    found = _NUMBER.findall(to_text(call.input()))
    return [float(one.replace(",", ".")) for one in found]


def _detect_text(call: ActionCall) -> Content:
    return to_text(call.input())


def _url(call: ActionCall) -> Content:
    found = call.value("WFURLActionURL")
    urls: list[Content] = [to_text(one).strip() for one in items_of(found)]
    return urls[0] if len(urls) == 1 else urls


def _url_component(call: ActionCall) -> Content:
    chosen = call.text("WFURLComponent", "Scheme")
    try:
        parts = urlsplit(to_text(call.input("WFURL")))
        found = {
            "Scheme": parts.scheme,
            "User": parts.username,
            "Host": parts.hostname,
            "Port": parts.port,
            "Path": parts.path,
            "Query": parts.query,
            "Fragment": parts.fragment,
        }
    except ValueError as error:
        raise ToolError(f"its input is no URL: {error}") from error
    if chosen not in found:
        raise call.refused(f"the component {chosen!r}")
    return found[chosen]


_APPLE = "is.workflow.actions."

TEXT_ACTIONS: Mapping[str, Handler] = {
    f"{_APPLE}{name}": handler
    for name, handler in {
        "gettext": _text,
        "text.split": _split,
        "text.combine": _combine,
        "text.replace": _replace,
        "text.match": _match,
        "text.match.getgroup": _match_group,
        "text.changecase": _change_case,
        "urlencode": _url_encode,
        "base64encode": _base64,
        "hash": _hash,
        "detect.text": _detect_text,
        "detect.number": _detect_numbers,
        "detect.link": _detected(_URL),
        "detect.emailaddress": _detected(_EMAIL),
        "url": _url,
        "geturlcomponent": _url_component,
    }.items()
}
