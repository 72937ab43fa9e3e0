"""Small tasks as in MiniWoB, in a box of 160 by 210 pixels, each done by hand from what is told."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

BOX = """<style>#wrap{width:160px;height:210px;position:relative;font:10px sans-serif}
#area{position:absolute;top:50px}</style>
<div id=wrap><div id=query>%s</div><div id=area>%s</div></div>
<script>const done = (ok) => { document.title = ok ? "reward 1" : "reward -1"; };</script>"""


def click_checkboxes(page: Any) -> None:
    for word in ("Zk3", "q1"):
        page.taps(word)
    page.taps("Submit")


def enter_text(page: Any) -> None:
    page.types("Text", "Agustina")
    page.taps("Submit")


def choose_list(page: Any) -> None:
    page.taps("Aland")
    page.taps("Cuba")
    page.taps("Submit")


def login_user(page: Any) -> None:
    page.types("Username", "nathalie")
    page.types("Password", "lK0c")
    page.taps("Login")


def click_tab(page: Any) -> None:
    page.taps("Tab #2")
    page.taps("sem")


TASKS: dict[Callable[[Any], None], tuple[str, str]] = {
    click_checkboxes: (
        "Select Zk3, q1 and click Submit.",
        """<div><label><input type=checkbox id=a>Zk3</label><br><label><input type=checkbox id=b>No7
        </label><br><label><input type=checkbox id=c>q1</label></div>
        <button onclick="done(a.checked && c.checked && !b.checked)">Submit</button>""",
    ),
    enter_text: (
        'Enter "Agustina" into the text field and press Submit.',
        """<input type=text id=tt title=Text>
        <button onclick="done(tt.value === 'Agustina')">Submit</button>""",
    ),
    choose_list: (
        "Select Cuba from the list and click Submit.",
        """<select id=options><option>Aland<option>Cuba<option>Peru</select>
        <button onclick="done(options.value === 'Cuba')">Submit</button>""",
    ),
    login_user: (
        "Enter the username and the password and press login.",
        """<p><label for=u>Username</label><input id=u></p>
        <p><label for=p>Password</label><input type=password id=p></p>
        <button onclick="done(u.value === 'nathalie' && p.value === 'lK0c')">Login</button>""",
    ),
    click_tab: (
        'Switch between the tabs to find and click on the link "sem".',
        """<div role=tablist><a href="#t1" role=tab>Tab #1</a> <a href="#t2" role=tab
        onclick="two.hidden=false;one.hidden=true">Tab #2</a></div><div id=one>Lorem ipsum.</div>
        <div id=two hidden>Dolor <span style="cursor:pointer" onclick="done(true)">sem</span>
        amet.</div>""",
    ),
}


@pytest.mark.parametrize("solve", TASKS, ids=lambda solve: solve.__name__)
def test_a_small_task_is_done(solve: Callable[[Any], None], visitor: Any) -> None:
    page = visitor(BOX % TASKS[solve])
    solve(page)
    assert page.device.current_app().label == "reward 1"
