"""Actions that send requests, through the system's transport alone."""

import html
import json
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlencode, urlsplit

from tapgraph.errors import BudgetExhausted, ToolError
from tapgraph.tools.api.shortcuts.call import ActionCall, Handler
from tapgraph.tools.api.shortcuts.content import Content, FileItem, items_of, to_json, to_text
from tapgraph.tools.api.shortcuts.system import WebRequest, WebResponse

__all__ = ["WEB_ACTIONS"]

_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]{0,2000}>", re.DOTALL | re.IGNORECASE)


def _download(call: ActionCall) -> Content:
    urls = call.items("WFURL")
    method = call.text("WFHTTPMethod", "GET").upper()
    headers = {name: to_text(one) for name, one in call.dictionary("WFHTTPHeaders").items()}
    body = b""
    if method != "GET":
        body, kind = _body(call)
        if kind and not any(name.casefold() == "content-type" for name in headers):
            headers["Content-Type"] = kind
    found: list[Content] = []
    for url in urls:
        request = WebRequest(method, to_text(url).strip(), headers, body)
        response = _sent(call, request)
        name = urlsplit(request.url).path.rpartition("/")[2] or "Contents of URL"
        found.append(FileItem(name, response.body, response.content_type))
    return found[0] if len(found) == 1 else found


def _body(call: ActionCall) -> tuple[bytes, str]:
    kind = call.text("WFHTTPBodyType", "JSON")
    if kind == "JSON":
        values = {name: to_json(one) for name, one in call.dictionary("WFJSONValues").items()}
        return json.dumps(values, ensure_ascii=False).encode(), "application/json"
    if kind == "Form":
        form = {name: to_text(one) for name, one in call.dictionary("WFFormValues").items()}
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    if kind == "File":
        found = call.value("WFRequestVariable")
        return (found.data if isinstance(found, FileItem) else to_text(found).encode()), ""
    raise call.refused(f"the request body {kind!r}")


def _sent(call: ActionCall, request: WebRequest) -> WebResponse:
    try:
        scheme = urlsplit(request.url).scheme
    except ValueError as error:
        raise ToolError(f"{request.url[:120]!r} is no URL: {error}") from error
    if scheme == "data":
        kind, _, data = request.url.removeprefix("data:").partition(",")
        return WebResponse(unquote_to_bytes(data), kind or "text/plain")
    if scheme not in {"http", "https"}:
        raise ToolError(f"{request.url[:120]!r} is no web address")
    sent = call.system.requests
    if len(sent) >= call.session.limits.requests:
        raise BudgetExhausted(f"the shortcut sent {len(sent)} requests")
    sent.append(request)
    return call.system.transport(request)


def _web_page(call: ActionCall) -> Content:
    """The page's text. A page is not rendered: one that needs its scripts is not executable."""
    response = _sent(call, WebRequest("GET", to_text(call.input()).strip()))
    page = response.body.decode("utf-8", errors="replace")
    if "<script" in page.lower():
        raise call.refused("a page with scripts")
    return html.unescape(_TAG.sub("", page)).strip() if "<" in page else page


def _headers(call: ActionCall) -> Content:
    response = _sent(call, WebRequest("HEAD", to_text(call.input()).strip()))
    return {"Content-Type": response.content_type, **response.headers}


def _open_url(call: ActionCall) -> Content:
    found = call.input()
    call.system.opened.extend(to_text(one).strip() for one in items_of(found))
    return found


_APPLE = "is.workflow.actions."

WEB_ACTIONS: Mapping[str, Handler] = {
    f"{_APPLE}downloadurl": _download,
    f"{_APPLE}getwebpagecontents": _web_page,
    f"{_APPLE}url.getheaders": _headers,
    f"{_APPLE}openurl": _open_url,
    f"{_APPLE}showwebpage": _open_url,
    f"{_APPLE}openxcallbackurl": _open_url,
}
