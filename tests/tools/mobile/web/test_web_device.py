"""Pages of our own in a real Chromium: what is told of them, and what touches and keys do."""

import json
from typing import Any

import pytest

from tapgraph.errors import ToolError, TypingFailed
from tapgraph.tools.mobile.actions import Back, ClearText, Enter, OpenApp, Swipe, Tap, Type
from tapgraph.tools.mobile.screen import Role
from tapgraph.tools.mobile.web.page_tree import read_page

pytestmark = pytest.mark.browser

FORM = """<form onsubmit="event.preventDefault();
  out.textContent=[nick.value, pw.value, ok.checked, size.value].join(' / ')">
<input id=nick placeholder="Your name"><input id=pw type=password placeholder=Secret value=geheim>
<label><input type=checkbox id=ok> I agree</label>
<select id=size aria-label=Size><option>Small<option>Large<option disabled>Huge</select>
<button aria-label="Send form">&#10148;</button></form><p id=out></p>"""


def test_a_form_is_filled_in_and_sent(visitor: Any) -> None:
    page = visitor(FORM)
    page.types("Your name", "Anna ü😀")
    page.types("••••••", "!1")
    page.taps("I agree")
    page.taps("Small")
    page.taps("Large")
    page.taps("Send form")
    assert "Anna ü😀 / geheim!1 / true / Large" in page.reads()


def test_what_is_broken_over_lines_is_touched_on_one_of_them(visitor: Any) -> None:
    filler = "<span style='display:inline-block;width:70vw'>a long line</span>"
    page = visitor(
        f"{filler}<label><input type=checkbox> I agree to all of this</label><br>"
        f"{filler}<a href='#' onclick=\"this.textContent='opened'\">a link of a few words more</a>"
    )
    page.taps("I agree to all of this")
    assert page.element("I agree to all of this").checked
    page.taps("a link of a few words more")
    assert "opened" in page.reads()


def test_a_password_never_leaves_the_page(visitor: Any) -> None:
    page = visitor(FORM)
    told = page.device._session.read("look", lambda driver: read_page(driver.execute_script))
    assert "geheim" not in json.dumps(told.views)
    assert page.element("••••••").password


def test_keys_go_on_in_a_field_where_its_text_ends(visitor: Any) -> None:
    page = visitor(
        '<input aria-label=Sum value="12345678"><input aria-label=No type=number value=4>'
    )
    page.types("12345678", "9")
    assert page.element("123456789").focused
    page.types("4", "2")
    assert page.element("42").focused
    page.device.perform(ClearText())
    assert page.element("No").shows_hint


def test_typing_without_a_field_is_refused(visitor: Any) -> None:
    page = visitor("<p>Nothing here</p>")
    with pytest.raises(ToolError, match="no text field has the focus"):
        page.device.perform(Type("x"))
    with pytest.raises(ToolError, match="no text field has the focus"):
        page.device.perform(ClearText())


def test_a_field_that_keeps_other_text_is_told(visitor: Any) -> None:
    page = visitor("<input aria-label=Code maxlength=3>")
    with pytest.raises(TypingFailed, match="the field holds 'abc'"):
        page.types("Code", "abcdef")


def test_enter_sends_a_form(visitor: Any) -> None:
    page = visitor('<form onsubmit="event.preventDefault();out.textContent=q.value">'
                   '<input id=q placeholder=Search></form><p id=out></p>')  # fmt: skip
    page.types("Search", "tea")
    page.device.perform(Enter())
    assert page.reads() == ["tea", "tea"]


@pytest.mark.parametrize(
    ("kind", "value"), [("date", "2026-03-09"), ("time", "14:30"), ("month", "2026-03")]
)
def test_a_date_is_set_whole(kind: str, value: str, visitor: Any) -> None:
    page = visitor(f"<input type={kind} aria-label=When>")
    page.types("When", value)
    assert page.reads() == [value]
    with pytest.raises(TypingFailed, match=r"takes a value such as.*not 'soon'"):
        page.device.perform(Type("soon"))


def test_shadow_roots_and_frames_are_part_of_the_page(visitor: Any) -> None:
    page = visitor("""<iframe srcdoc="<input aria-label='In frame'
      oninput='parent.out.textContent=this.value'>"></iframe>
      <div id=host></div><p id=out></p><script>
      const shadow = host.attachShadow({mode: 'open'});
      shadow.innerHTML = '<label>Deep <slot></slot></label><input aria-label="In shadow">';
      shadow.querySelector('input').oninput = (event) => out.textContent = event.target.value;
      </script>""")
    page.types("In frame", "one")
    assert "one" in page.reads()
    page.types("In shadow", "two")
    assert page.reads().count("two") == 2


def test_what_is_covered_or_hidden_is_not_told(visitor: Any) -> None:
    page = visitor("""<div style="position:relative"><button>Under</button>
      <div style="position:absolute;inset:0;background:white">Over</div></div>
      <p hidden>Hidden</p><p style="visibility:hidden">Invisible</p><p style="opacity:0">Clear</p>
      <p aria-hidden=true>Decoration</p><div style="height:0;overflow:hidden">Folded</div>
      <div style="pointer-events:none">Untouchable</div>""")
    assert page.reads() == ["Over", "Untouchable"]


def test_a_check_box_and_its_label_are_one(visitor: Any) -> None:
    page = visitor("""<style>.own{opacity:0;position:absolute} .own+span{border:1px solid}</style>
      <label><input type=checkbox class=own><span>Nice box</span></label><br>
      <input type=checkbox id=far><label for=far>Far label</label><br>
      <div role=checkbox aria-checked=true tabindex=0>Drawn</div>
      <button role=switch aria-checked=false aria-label=Wi-Fi></button>
      <label><input type=radio name=r>Red</label>
      <label><input type=radio name=r checked>Blue</label>""")
    told = {one.text: (one.role, one.checked) for one in page.sees().elements}
    assert told == {
        "Nice box": (Role.CHECKBOX, False),
        "Far label": (Role.CHECKBOX, False),
        "Drawn": (Role.CHECKBOX, True),
        "Wi-Fi": (Role.SWITCH, False),
        "Red": (Role.RADIO, False),
        "Blue": (Role.RADIO, True),
    }
    for label in ("Nice box", "Far label", "Red"):
        page.taps(label)
        assert page.element(label).checked


def test_names_beat_glyphs_and_links_swallow_their_words(visitor: Any) -> None:
    page = visitor("""<button aria-label="Close">&#10005;</button><a href="#x"><b>More</b> news</a>
      <span id=t>Total</span><div role=button tabindex=0 aria-labelledby=t>5</div>
      <img alt="A cat" width=40 height=40 src=data:,><p>One <i>line</i> of <b>text</b></p>""")
    assert page.reads() == ["Close", "More news", "Total", "Total", "A cat", "One line of text"]


@pytest.mark.parametrize(
    ("call", "press", "gives"),
    [
        ("alert('Careful')", "OK", "undefined"),
        ("confirm('Careful')", "OK", "true"),
        ("confirm('Careful')", "Cancel", "false"),
        ("prompt('Careful')", "Cancel", "null"),
    ],
)
def test_messages_of_a_page_are_dialogs(call: str, press: str, gives: str, visitor: Any) -> None:
    page = visitor(f'<button onclick="out.textContent=String({call})">Ask</button><p id=out></p>')
    page.taps("Ask")
    assert page.reads()[0] == "Careful"
    before = page.device.screenshot()
    assert before.getpixel((before.width // 2, before.height // 2)) != (255, 255, 255, 0)
    page.taps(press)
    assert gives in page.reads()


def test_a_question_of_a_page_is_answered_by_typing(visitor: Any) -> None:
    page = visitor(
        """<button onclick="out.textContent=prompt('Name?')">Ask</button><p id=out></p>"""
    )
    page.taps("Ask")
    assert page.sees().keyboard_shown
    page.device.perform(Type("Anna"))
    assert "Anna" in page.reads()
    page.taps("OK")
    assert page.reads() == ["Ask", "Anna"]


def test_back_dismisses_a_message(visitor: Any) -> None:
    page = visitor(
        """<button onclick="out.textContent=confirm('Sure?')">Ask</button><p id=out></p>"""
    )
    page.taps("Ask")
    page.device.perform(Back())
    assert "false" in page.reads()


def test_a_long_list_is_scrolled_and_chosen_from(visitor: Any) -> None:
    options = "".join(f"<option>Row {number}</option>" for number in range(60))
    page = visitor(f"<select aria-label=Rows>{options}<option disabled>Last</option></select>")
    page.taps("Row 0")
    assert "Row 50" not in page.reads()
    for _ in range(6):
        page.device.perform(Swipe(400, 1400, 400, 500))
    with pytest.raises(ToolError, match="'Last' cannot be chosen"):
        page.taps("Last")
    page.taps("Row 0")
    for _ in range(6):
        page.device.perform(Swipe(400, 1400, 400, 500))
    page.taps("Row 55")
    assert page.reads() == ["Row 55"]


def test_a_page_scrolls_under_a_finger(visitor: Any) -> None:
    page = visitor('<p>Top</p><div style="height:1500px"></div><button>Far below</button>')
    assert page.reads() == ["Top"]
    for _ in range(3):
        page.device.perform(Swipe(400, 1500, 400, 400))
    assert "Far below" in page.reads()


def test_a_new_window_is_followed_and_back_closes_it(visitor: Any) -> None:
    page = visitor('<a href="other.html" target=_blank>Open</a>')
    page.place.with_name("other.html").write_text("<h1>New</h1>", encoding="utf-8")
    page.taps("Open")
    assert page.reads() == ["New"]
    page.device.perform(Back())
    assert page.reads() == ["Open"]


def test_a_page_for_large_screens_is_touched_where_it_is_seen(visitor: Any) -> None:
    page = visitor(
        """<div style="width:1200px;height:900px"><button onclick="this.textContent='Pressed'"
        style="position:absolute;left:700px;top:400px;width:200px;height:90px">Press</button></div>""",
        head="<!doctype html>",
    )
    page.taps("Press")
    assert "Pressed" in page.reads()


def test_a_browser_has_no_apps(visitor: Any) -> None:
    page = visitor("<p>Words</p>")
    with pytest.raises(ToolError, match="no apps"):
        page.device.perform(OpenApp("Maps"))
    with pytest.raises(ToolError, match="outside of the page"):
        page.device.perform(Tap(5000, 10))


@pytest.mark.parametrize("kind", ["text", "password"])
def test_boxes_for_one_digit_each_are_filled_by_typing_into_the_first(
    kind: str, visitor: Any
) -> None:
    box = (
        f'<input type={kind} maxlength=1 size=1 aria-label=box oninput="'
        'if (this.value) (this.nextElementSibling || this).focus()">'
    )
    page = visitor(f"<div>{box * 4}</div><p id=out></p>")
    page.touch(page.sees().elements[0])
    page.enters("1234")
    typed = "return [...document.querySelectorAll('input')].map((one) => one.value).join()"
    assert page.device.run_script(typed) == "1,2,3,4"


def test_a_box_that_takes_less_than_was_typed_says_so(visitor: Any) -> None:
    page = visitor("<input maxlength=2 placeholder=PIN>")
    page.taps("PIN")
    with pytest.raises(TypingFailed, match="holds '12'"):
        page.enters("1234")


DRAWN = """<style>b { display: block; width: 44px; height: 24px; border-radius: 99px }
i { display: block; width: 20px; height: 20px; border-radius: 50%; position: relative; left: 2px }
section { display: flex; justify-content: space-between; width: 300px; margin: 9px }</style>"""


@pytest.mark.parametrize(
    ("style", "knob", "switches"),
    [
        ("", "left: 2px", [("Wi-Fi", False)]),
        ("", "left: 22px", [("Wi-Fi", True)]),
        ("direction: rtl", "left: -22px", [("Wi-Fi", True)]),
        ("", "left: 12px", []),
        ("", "left: 22px; border-radius: 0", []),
        ("border-radius: 2px", "left: 22px", []),
        ("width: 200px", "left: 170px", []),
    ],
)
def test_a_pill_with_a_knob_at_one_end_is_a_switch(
    style: str, knob: str, switches: list[tuple[str, bool]], visitor: Any
) -> None:
    page = visitor(
        f'{DRAWN}<section><span>Wi-Fi</span><b onclick="0" style="{style}">'
        f'<i style="{knob}"></i></b></section>'
    )
    found = [one for one in page.sees().elements if one.role is Role.SWITCH]
    assert [(one.text, one.checked) for one in found] == switches
