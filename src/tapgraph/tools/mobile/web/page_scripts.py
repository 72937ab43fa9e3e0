"""What is asked of a page, and done to it, where touches and keys do not reach."""

__all__ = [
    "CHOOSE",
    "CLEAR",
    "FACTS",
    "LOCAL_TIME",
    "PREPARE_TYPING",
    "SELECT_AT",
    "SET_VALUE",
]

_FOCUSED = """
function focused(doc) {
  let el = doc.activeElement;
  while (el) {
    if (el.shadowRoot && el.shadowRoot.activeElement) {
      el = el.shadowRoot.activeElement;
      continue;
    }
    if (el.tagName === "IFRAME") {
      let inner = null;
      try { inner = el.contentDocument; } catch { inner = null; }
      if (inner && inner.activeElement) { el = inner.activeElement; continue; }
    }
    return el;
  }
  return null;
}
function isField(el) {
  return !!el && (el.isContentEditable || el.tagName === "TEXTAREA" || (el.tagName === "INPUT"
    && !/^(button|submit|reset|checkbox|radio|range|file|image|hidden|color)$/.test(el.type)));
}
function put(el, value) {
  const type = Object.getPrototypeOf(el);
  Object.getOwnPropertyDescriptor(type, "value").set.call(el, value);
  el.dispatchEvent(new Event("input", { bubbles: true }));
  el.dispatchEvent(new Event("change", { bubbles: true }));
}
const el = focused(document);
"""

FACTS = _FOCUSED + "return [location.href, document.title, isField(el)];"
"""Address, title, and whether keys go into a text field."""

LOCAL_TIME = """
const now = new Date();
return new Date(now - now.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
"""
"""The browser's date and time without a zone, as a phone shows them."""

PREPARE_TYPING = (
    _FOCUSED
    + """
if (!isField(el)) return null;
if (/^(date|time|month|week|datetime-local)$/.test(el.type)) return el.type;
try {
  if ("setSelectionRange" in el) el.setSelectionRange(el.value.length, el.value.length);
  else el.ownerDocument.getSelection().selectAllChildren(el),
    el.ownerDocument.getSelection().collapseToEnd();
} catch { return "end key"; }
return "keys";
"""
)
"""Put the caret behind what the focused field holds; returns how text is to be put in.

`null`: no field has the focus; `keys`: as keystrokes; `end key`: after the key End; else the type
of a field of date or time, which takes its value whole.
"""

SET_VALUE = _FOCUSED + "put(el, arguments[0]); return el.value;"

CLEAR = (
    _FOCUSED
    + """
if (!isField(el)) return false;
if ("value" in el) put(el, "");
else { el.textContent = ""; el.dispatchEvent(new Event("input", { bubbles: true })); }
return true;
"""
)

SELECT_AT = """
function deepest(doc, x, y) {
  let hit = doc.elementFromPoint(x, y);
  while (hit && hit.shadowRoot && hit.shadowRoot.elementFromPoint(x, y) !== hit) {
    const inner = hit.shadowRoot.elementFromPoint(x, y);
    if (!inner) break;
    hit = inner;
  }
  if (hit && hit.tagName === "IFRAME") {
    let inner = null;
    try { inner = hit.contentDocument; } catch { inner = null; }
    const rect = hit.getBoundingClientRect();
    if (inner) return deepest(inner, x - rect.left - hit.clientLeft, y - rect.top - hit.clientTop);
  }
  return hit;
}
const hit = deepest(document, arguments[0], arguments[1]);
const select = hit && (hit.closest("select") || (hit.closest("label") || {}).control);
if (!select || select.tagName !== "SELECT" || select.disabled) return null;
document[Symbol.for("tapgraph.select")] = select;
const label = [...select.labels].map((one) => one.innerText).join(" ");
const options = [...select.options];
return {
  title: select.getAttribute("aria-label") || label || select.title || "",
  rows: options.map((one) => one.label),
  chosen: [...options.keys()].filter((row) => options[row].selected),
};
"""
"""The drop-down under a point, kept in the page for `CHOOSE`; null where there is none."""

CHOOSE = """
const select = document[Symbol.for("tapgraph.select")];
const option = select && select.isConnected ? select.options[arguments[0]] : null;
if (!option || option.disabled || option.closest("optgroup:disabled")) return false;
if (select.multiple) option.selected = !option.selected; else select.selectedIndex = arguments[0];
select.focus();
select.dispatchEvent(new Event("input", { bubbles: true }));
select.dispatchEvent(new Event("change", { bubbles: true }));
return true;
"""
"""Choose a row of that drop-down; false where it cannot be chosen."""
