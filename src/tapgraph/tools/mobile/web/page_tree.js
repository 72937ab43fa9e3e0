// What a person sees of the page, as nested views: {a: attributes, b: [left, top, right, bottom], c: children}.
// Bounds are CSS pixels of the visible part. Values of password fields never leave the page.
const MOST_NODES = 4000;
const KINDS = {
  button: "Button", checkbox: "CheckBox", combobox: "Spinner", link: "Button", listbox: "Spinner", menuitem: "Button",
  menuitemcheckbox: "CheckBox", menuitemradio: "RadioButton", option: "Button", progressbar: "ProgressBar",
  radio: "RadioButton", searchbox: "EditText", slider: "SeekBar", spinbutton: "EditText", switch: "Switch",
  tab: "Tab", textbox: "EditText", treeitem: "Button", img: "ImageView",
};
const TEXT_INPUTS = new Set([
  "text", "search", "email", "tel", "url", "password", "number", "date", "time", "datetime-local", "month", "week", "",
]);
const SKIPPED = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "HEAD", "META", "LINK", "TITLE", "DATALIST"]);
let count = 0;

const view = window.visualViewport;
const scale = view ? view.scale : 1;
const shift = view ? { x: view.offsetLeft, y: view.offsetTop } : { x: 0, y: 0 };
const screenBox = {
  left: shift.x, top: shift.y,
  right: shift.x + (view ? view.width : innerWidth), bottom: shift.y + (view ? view.height : innerHeight),
};

const words = (text) => (text || "").replace(/\s+/g, " ").trim();
const styleOf = (el) => el.ownerDocument.defaultView.getComputedStyle(el);
const roleOf = (el) => (el.getAttribute("role") || "").trim().split(/\s+/)[0].toLowerCase();
const meet = (a, b) => ({
  left: Math.max(a.left, b.left), top: Math.max(a.top, b.top),
  right: Math.min(a.right, b.right), bottom: Math.min(a.bottom, b.bottom),
});
const join = (a, b) => ({
  left: Math.min(a.left, b.left), top: Math.min(a.top, b.top),
  right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom),
});
const hasArea = (box) => box.right - box.left >= 1 && box.bottom - box.top >= 1;
const moved = (rect, by) => ({
  left: rect.left + by.x, top: rect.top + by.y, right: rect.right + by.x, bottom: rect.bottom + by.y,
});

function childrenOf(el) {
  if (el.tagName === "SLOT") {
    const given = el.assignedElements({ flatten: true });
    return given.length ? given : [...el.children];
  }
  return [...(el.shadowRoot ? el.shadowRoot.children : el.children)];
}

function parentOf(el) {
  return el.assignedSlot || el.parentElement || (el.getRootNode() instanceof ShadowRoot ? el.getRootNode().host : null);
}

function isInside(el, other) {
  for (let one = el; one; one = parentOf(one)) if (one === other) return true;
  return false;
}

function deepestAt(doc, x, y) {
  let hit = doc.elementFromPoint(x, y);
  while (hit && hit.shadowRoot) {
    const inner = hit.shadowRoot.elementFromPoint(x, y);
    if (!inner || inner === hit) break;
    hit = inner;
  }
  return hit;
}

// Whether a finger on one of a few points of the box reaches the element, a part of it or what it is a part of.
function isReached(el, box, by, friends) {
  if (styleOf(el).pointerEvents === "none") return true;
  const local = moved(box, { x: -by.x, y: -by.y });
  const width = local.right - local.left, height = local.bottom - local.top;
  for (const [across, down] of [[0.5, 0.5], [0.1, 0.5], [0.9, 0.5], [0.5, 0.1], [0.5, 0.9], [0.1, 0.1], [0.9, 0.9]]) {
    const hit = deepestAt(el.ownerDocument, local.left + across * width, local.top + down * height);
    if (!hit) continue;
    if (friends.some((friend) => isInside(hit, friend))) return true;
    // An inline text's box may lie between its lines, over its own paragraph.
    if (isInside(el, hit) && hit.tagName !== "BODY") return true;
  }
  return false;
}

function inputType(el) {
  return el.tagName === "INPUT" ? (el.getAttribute("type") || "text").toLowerCase() : "";
}

function isEditable(el) {
  if (el.tagName === "TEXTAREA") return true;
  if (el.tagName === "INPUT") return TEXT_INPUTS.has(inputType(el));
  return (el.isContentEditable && !(el.parentElement && el.parentElement.isContentEditable));
}

// Where the knob of a switch that is only drawn stands, from 0 to 1: a round part at one end of a pill without words.
const knobs = new Map();
function knobPlace(el) {
  if (!knobs.has(el)) knobs.set(el, findKnob(el));
  return knobs.get(el);
}

function isRounded(el, box) {
  const radius = styleOf(el).borderTopLeftRadius, given = parseFloat(radius);
  return (radius.includes("%") ? given / 100 * box.height : given) >= 0.4 * box.height;
}

function findKnob(el) {
  if (el.childElementCount !== 1 || el.firstElementChild.childElementCount > 1 || words(el.textContent)) return null;
  const pill = el.getBoundingClientRect();
  if (pill.height < 12 || pill.height > 48 || pill.width < 1.3 * pill.height || pill.width > 3 * pill.height) return null;
  const part = el.firstElementChild, knob = part.getBoundingClientRect();
  const isRound = Math.abs(knob.width - knob.height) <= 0.2 * knob.height && isRounded(part, knob);
  if (!isRound || knob.height < 0.4 * pill.height || !isRounded(el, pill)) return null;
  const place = (knob.left + knob.width / 2 - pill.left) / pill.width;
  return place < 0 || place > 1 || Math.abs(place - 0.5) < 0.05 ? null : place;
}

function isDrawnOn(el) {
  return (knobPlace(el) > 0.5) !== (styleOf(el).direction === "rtl");
}

function kindOf(el) {
  const role = roleOf(el);
  if (isEditable(el)) return "EditText";
  if (el.tagName === "SELECT") return "Spinner";
  if (el.tagName === "INPUT") {
    const type = inputType(el);
    if (type === "checkbox") return role === "switch" ? "Switch" : "CheckBox";
    return { radio: "RadioButton", range: "SeekBar", hidden: "" }[type] ?? "Button";
  }
  if (role in KINDS) return KINDS[role];
  if (knobPlace(el) !== null) return "Switch";
  if (["BUTTON", "SUMMARY"].includes(el.tagName) || (["A", "AREA"].includes(el.tagName) && el.hasAttribute("href")))
    return "Button";
  if (["PROGRESS", "METER"].includes(el.tagName)) return el.tagName === "METER" ? "TextView" : "ProgressBar";
  if (["IMG", "SVG", "CANVAS", "VIDEO"].includes(el.tagName.toUpperCase())) return "ImageView";
  return "";
}

// A click handler set by a script cannot be seen; the hand as pointer, where it begins, gives it away.
function isPressed(el) {
  if (kindOf(el) && kindOf(el) !== "ImageView" && kindOf(el) !== "ProgressBar") return true;
  if (el.onclick || el.hasAttribute("onclick") || (el.tabIndex >= 0 && el.hasAttribute("tabindex"))) return true;
  const parent = parentOf(el);
  return styleOf(el).cursor === "pointer" && !!parent && styleOf(parent).cursor !== "pointer";
}

function labelledBy(el) {
  const ids = (el.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
  const found = ids.map((id) => el.getRootNode().getElementById(id)).filter(Boolean);
  return words(found.map((one) => one.innerText || one.textContent).join(" "));
}

function labelsOf(el) {
  return el.labels ? [...el.labels] : [];
}

function ownName(el) {
  return labelledBy(el) || words(el.getAttribute("aria-label")) || words(el.getAttribute("alt"));
}

function nameOf(el) {
  const labels = words(labelsOf(el).map((label) => label.innerText).join(" "));
  return ownName(el) || labels || words(el.getAttribute("title"));
}

function ownText(el) {
  const texts = [...(el.shadowRoot || el).childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
  return words(texts.map((node) => node.data).join(" "));
}

// Text with marks inside, such as bold words, is one text; anything that can be used stays apart.
function isOneText(el) {
  const below = el.shadowRoot ? [] : [...el.getElementsByTagName("*")];
  return !el.shadowRoot && below.length < 30 && below.every(
    (one) => styleOf(one).display.startsWith("inline") && !one.shadowRoot && !isPressed(one) && !kindOf(one)
      && one.tagName !== "IFRAME" && one.tagName !== "LABEL");
}

function state(el, name, plain) {
  const said = el.getAttribute(`aria-${name}`);
  return said === null ? !!plain : said === "true";
}

function focusIsOn(el) {
  const active = el.getRootNode().activeElement;
  if (active !== el) return false;
  const frame = el.ownerDocument.defaultView.frameElement;
  return !frame || frame.ownerDocument.activeElement === frame;
}

function shownValue(el, attributes) {
  if (el.tagName === "SELECT") {
    const chosen = [...el.selectedOptions].map((one) => words(one.label)).join(", ");
    attributes.text = chosen;
    attributes["content-desc"] = nameOf(el);
  } else if (inputType(el) === "range") {
    attributes.text = String(el.value);
    attributes["content-desc"] = nameOf(el);
  } else if (isEditable(el)) {
    const held = "value" in el ? el.value : el.innerText.replace(/\n$/, "");
    const isSecret = inputType(el) === "password" || (styleOf(el).webkitTextSecurity || "none") !== "none";
    attributes.password = isSecret;
    attributes.hint = nameOf(el) || words(el.getAttribute("placeholder") || el.getAttribute("aria-placeholder"));
    attributes.text = isSecret ? "\u2022".repeat(held.length) : held || attributes.hint;
    attributes.focusable = true;
  } else if (el.tagName === "INPUT") {
    attributes.text = nameOf(el) || words(el.value) || (inputType(el) === "file" ? "Choose file" : "");
  }
}

function attributesOf(el, kind) {
  const attributes = { class: `android.widget.${kind || "View"}`, "resource-id": el.id || el.getAttribute("name") || "" };
  const isSet = ["CheckBox", "RadioButton", "Switch"].includes(kind);
  if (isSet) {
    attributes.checkable = true;
    attributes.checked = state(el, "checked", el.checked ?? (knobPlace(el) !== null && isDrawnOn(el)));
    attributes.text = nameOf(el) || words(el.tagName === "INPUT" ? "" : el.innerText);
  } else shownValue(el, attributes);
  attributes.enabled = !(state(el, "disabled", el.disabled) || (el.matches && el.matches(":disabled")));
  attributes.selected = state(el, "selected", false) || state(el, "pressed", false)
    || (el.hasAttribute("aria-current") && el.getAttribute("aria-current") !== "false");
  attributes.focused = focusIsOn(el);
  return attributes;
}

function scrolls(el, style) {
  const isRoot = el === el.ownerDocument.scrollingElement;
  const across = el.scrollWidth > el.clientWidth + 1, down = el.scrollHeight > el.clientHeight + 1;
  if (isRoot) return down || across;
  return (down && /auto|scroll/.test(style.overflowY)) || (across && /auto|scroll/.test(style.overflowX));
}

function viewsIn(el, clip, by) {
  return childrenOf(el).flatMap((child) => viewsOf(child, clip, by));
}

function frameViews(frame, box, by) {
  let inner = null;
  try { inner = frame.contentDocument; } catch { inner = null; }
  if (!inner || !inner.body) return [];
  const rect = frame.getBoundingClientRect();
  const deeper = { x: by.x + rect.left + frame.clientLeft, y: by.y + rect.top + frame.clientTop };
  return viewsOf(inner.body, box, deeper);
}

// A box that is drawn over a real one without being seen itself: the label, or what stands around it, is touched.
function boxOf(el, by) {
  let rect = largestPiece(el);
  if (["checkbox", "radio"].includes(inputType(el))) {
    for (const label of labelsOf(el)) {
      const other = largestPiece(label);
      if (!hasArea(other)) continue;
      const isSeen = hasArea(rect) && Number(styleOf(el).opacity);
      if (!isSeen) rect = other;
      else if (label.getClientRects().length < 2 || areOnOneLine(rect, other)) rect = join(rect, other);
    }
  }
  return moved(rect, by);
}

// Of what is broken over lines one line: in the middle of all of them may be something else.
function largestPiece(el) {
  const pieces = [...el.getClientRects()];
  if (pieces.length < 2) return el.getBoundingClientRect();
  return pieces.reduce((most, one) => (one.width * one.height > most.width * most.height ? one : most));
}

function areOnOneLine(a, b) {
  const middle = (a.top + a.bottom) / 2;
  return b.top < middle && middle < b.bottom;
}

function viewsOf(el, clip, by) {
  if (el.nodeType !== Node.ELEMENT_NODE || SKIPPED.has(el.tagName) || count > MOST_NODES) return [];
  const style = styleOf(el);
  if (style.display === "none" || el.getAttribute("aria-hidden") === "true" && !el.contains(document.activeElement))
    return [];
  if (style.display === "contents") return viewsIn(el, clip, by);
  const isRoot = el === el.ownerDocument.body || el === el.ownerDocument.documentElement;
  const box = meet(boxOf(el, by), clip);
  const kind = kindOf(el);
  const isShown = style.visibility === "visible" && hasArea(box)
    && (Number(style.opacity) > 0.01 || ["CheckBox", "RadioButton", "Switch"].includes(kind));
  if (Number(style.opacity) <= 0.01 && !isShown) return [];
  const clips = !isRoot && style.overflow !== "visible" && style.display !== "inline";
  if (clips && !hasArea(box)) return [];
  const inner = clips ? box : clip;
  if (el.tagName === "IFRAME") return isShown && isReached(el, box, by, [el]) ? frameViews(el, box, by) : [];
  // A label is told with its control.
  if (el.tagName === "LABEL" && el.control && ["checkbox", "radio"].includes(inputType(el.control)))
    return el.contains(el.control) ? viewsOf(el.control, clip, by) : [];
  const friends = [el, ...labelsOf(el)];
  const isThere = isShown && !isRoot && isReached(el, box, by, friends);
  const isList = !isRoot && isShown && scrolls(el, style);
  const isUsable = isThere && isPressed(el);
  const isText = isThere && isOneText(el);
  const attributes = attributesOf(el, kind);
  let children = [];
  if (isText && !attributes.text) attributes.text = ownName(el) || words(el.innerText ?? el.textContent);
  else if (!isEditable(el) && el.tagName !== "SELECT") children = viewsIn(el, inner, by);
  if (!isText && isThere && !attributes.text) {
    attributes.text = isUsable || kind ? ownName(el) : "";
    const loose = ownText(el);
    if (!attributes.text && loose) attributes.text = loose;
  }
  if (isUsable && !attributes.text && !attributes["content-desc"]) attributes.text = children.length ? "" : nameOf(el);
  const isTold = isUsable || isList || (isThere && (attributes.text || kind));
  if (!isTold) return children;
  count += 1;
  if (!kind) attributes.class = isList ? "android.widget.ScrollView"
    : isUsable ? "android.view.View" : "android.widget.TextView";
  attributes.clickable = isUsable && kind !== "ProgressBar";
  attributes.scrollable = isList;
  return [{ a: attributes, b: boxNumbers(box), c: children }];
}

function boxNumbers(box) {
  return [box.left - shift.x, box.top - shift.y, box.right - shift.x, box.bottom - shift.y].map((one) => one * scale);
}

const root = document.body || document.documentElement;
return {
  // Scroll bars are part of the picture, but not of the visual viewport.
  width: scale === 1 ? innerWidth : view.width * scale,
  height: scale === 1 ? innerHeight : view.height * scale,
  zoom: [scale, shift.x, shift.y],
  title: document.title,
  url: location.href,
  isLoading: document.readyState === "loading",
  scrolls: !!document.scrollingElement && scrolls(document.scrollingElement, styleOf(document.scrollingElement)),
  views: root ? viewsOf(root, screenBox, { x: 0, y: 0 }) : [],
};
