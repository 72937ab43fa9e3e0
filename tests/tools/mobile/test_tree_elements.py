from pathlib import Path

import pytest

from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.screen import Element, Role
from tapgraph.tools.mobile.tree_elements import blind_regions, elements_from_tree, is_useful
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

SIZE = Size(1080, 2400)
RECORDED = Path(__file__).parents[2] / "data" / "ui_trees" / "music_settings_appium.xml"


def tree_of(*nodes: str) -> UiTree:
    return parse_ui_tree("<hierarchy>" + "".join(nodes) + "</hierarchy>")


def node(bounds: str, *children: str, name: str = "android.view.View", **attributes: str) -> str:
    """A node; `click="1"` and `description` stand for the longer names."""
    attributes = {
        {"click": "clickable", "description": "content-desc"}.get(key, key): (
            "true" if value == "1" else value
        )
        for key, value in attributes.items()
    }
    words = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f'<node class="{name}" bounds="{bounds}"{words}>{"".join(children)}</node>'


def read(*nodes: str) -> list[tuple[str, str]]:
    return [(one.role.value, one.text) for one in elements_from_tree(tree_of(*nodes), SIZE)]


@pytest.fixture
def recorded() -> tuple[Element, ...]:
    tree = parse_ui_tree(RECORDED.read_bytes())
    return elements_from_tree(tree, SIZE, front_package="org.example.music")


def real(shared_data: Path, name: str, size: Size) -> tuple[Element, ...]:
    tree = parse_ui_tree((shared_data / "ui_dumps" / f"{name}.xml").read_bytes())
    return elements_from_tree(tree, size)


def test_a_page_is_told_as_a_person_sees_it(recorded: tuple[Element, ...]) -> None:
    seen = [(one.role.value, one.text, one.bounds.center) for one in recorded]
    assert seen == [
        ("button", "Navigate up", Point(70, 150)),
        ("text", "Settings", Point(320, 150)),
        ("button", "", Point(1010, 150)),
        ("list", "", Point(540, 910)),
        ("switch", "Download over Wi-Fi only, Saves mobile data", Point(540, 320)),
        ("button", "Equalizer", Point(540, 520)),
        ("button", "More about Equalizer", Point(1000, 520)),
        ("input", "Name of the playlist", Point(540, 1715)),
    ]
    assert [one.number for one in recorded] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_states_are_those_of_the_views(recorded: tuple[Element, ...]) -> None:
    by_text = {one.text: one for one in recorded}
    assert by_text["Download over Wi-Fi only, Saves mobile data"].checked is True
    assert by_text["Equalizer"].checked is None
    playlist = by_text["Name of the playlist"]
    assert playlist.focused
    assert playlist.shows_hint


def test_what_lies_under_a_keyboard_is_not_told(recorded: tuple[Element, ...]) -> None:
    assert not any(one.text in {"Save", "q"} for one in recorded)


def test_the_status_bar_is_not_told(recorded: tuple[Element, ...]) -> None:
    assert not any(one.text == "10:24" for one in recorded)


def test_an_open_shade_is_told_and_covers_the_app() -> None:
    app = node("[0,0][1080,2400]", node("[0,900][1080,1000]", text="Behind", click="1"))
    shade = node(
        "[0,0][1080,1600]",
        node("[0,300][1080,500]", text="Your parcel has arrived", click="1"),
        package="com.android.systemui",
    )
    assert read(app, shade) == [("button", "Your parcel has arrived")]
    assert read(shade, app) == [("button", "Your parcel has arrived")]


def test_a_dialog_covers_only_what_lies_under_it() -> None:
    page = node(
        "[0,0][1080,2400]",
        node("[0,100][1080,200]", text="Title"),
        node("[0,1100][1080,1300]", text="Hidden", click="1"),
    )
    dialog = node("[100,1000][980,1400]", node("[200,1250][500,1350]", text="OK", click="1"))
    assert read(page, dialog) == [("text", "Title"), ("button", "OK")]


def test_a_toast_is_told_and_covers_nothing() -> None:
    page = node("[0,0][1080,2400]", node("[400,2100][600,2200]", text="Save", click="1"))
    toast = node("[200,2050][900,2250]", text="Saved", name="android.widget.Toast")
    assert sorted(read(page, toast)) == [("button", "Save"), ("text", "Saved")]


def test_a_keyboard_app_in_front_is_told() -> None:
    window = node(
        "[0,0][1080,2400]",
        node("[0,100][1080,200]", text="Theme", click="1"),
        package="com.google.android.inputmethod.latin",
    )
    bar = node("[0,2300][1080,2400]", package="com.android.systemui")
    tree = tree_of(window, bar)
    package = "com.google.android.inputmethod.latin"
    assert [one.text for one in elements_from_tree(tree, SIZE, front_package=package)] == ["Theme"]
    assert elements_from_tree(tree, SIZE, front_package="org.example.other") == ()


def test_everything_outside_its_scrolled_container_is_left_out() -> None:
    inside = node("[0,350][1080,420]", text="In")
    below = node("[0,1001][1080,1200]", text="Below")
    sliver = node("[0,998][1080,1200]", text="Sliver")
    scrolled = node("[0,300][1080,1000]", inside, below, sliver, scrollable="1")
    assert read(scrolled) == [("list", ""), ("text", "In")]


@pytest.mark.parametrize("bounds", ["[10,90][50,20]", "[10,10][10,90]", "[1200,0][1300,90]"])
def test_what_has_no_area_on_the_screen_is_left_out(bounds: str) -> None:
    assert read(node(bounds, text="Nowhere", click="1")) == []


def test_a_child_with_area_of_a_parent_without_is_told() -> None:
    assert read(node("[0,0][0,0]", node("[0,10][500,90]", text="Here"))) == [("text", "Here")]


def test_hidden_views_are_left_out_unless_the_dump_hides_all() -> None:
    shown = node("[0,100][500,200]", text="Shown", displayed="true")
    hidden = node("[0,300][500,400]", text="Hidden", displayed="false")
    assert read(shown, hidden) == [("text", "Shown")]
    assert read(hidden) == [("text", "Hidden")]


@pytest.mark.parametrize("text", ["&#xE8B6;", "&#65532;", "&#8203;", " &#10; "])
def test_text_that_shows_nothing_readable_is_no_text(text: str) -> None:
    assert read(node("[0,0][90,90]", text=text, description="Search", click="1")) == [
        ("button", "Search")
    ]


def test_a_clickable_page_does_not_swallow_its_texts() -> None:
    page = node(
        "[0,0][1080,2400]",
        node("[0,100][1080,200]", text="One"),
        node("[0,300][1080,400]", text="Two"),
        click="1",
    )
    assert read(page) == [("text", "One"), ("text", "Two")]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("android.widget.EditText", "input"),
        ("androidx.appcompat.widget.SwitchCompat", "switch"),
        ("android.widget.CheckBox", "checkbox"),
        ("android.widget.RadioButton", "radio"),
        ("android.widget.SeekBar", "slider"),
        ("android.widget.RatingBar", "rating"),
        ("android.widget.ProgressBar", "progress"),
        ("android.widget.Spinner", "dropdown"),
        ("android.app.ActionBar$Tab", "tab"),
        ("android.widget.ImageView", "image"),
        ("android.widget.TextView", "text"),
    ],
)
def test_a_class_name_gives_a_role(name: str, role: str) -> None:
    assert read(node("[0,0][300,90]", name=name, text="T")) == [(role, "T")]


def test_an_unnamed_switch_takes_the_text_of_its_row() -> None:
    row = node("[40,500][400,560]", text="Dark mode")
    other = node("[40,600][400,660]", text="Other")
    switch = node("[900,490][1040,570]", checkable="1", checked="1", click="1")
    assert read(row, other, switch) == [
        ("text", "Dark mode"),
        ("switch", "Dark mode"),
        ("text", "Other"),
    ]


def test_a_form_in_a_floating_window_is_read_as_on_the_phone(shared_data: Path) -> None:
    seen = real(shared_data, "calendar_new_event_huawei_zh", Size(2200, 2480))
    by_text = {(one.role, one.text): one for one in seen}
    assert by_text[Role.INPUT, "标题"].focused
    assert by_text[Role.SWITCH, "重要提醒"].checked is False
    assert by_text[Role.BUTTON, "重复, 不重复"].clickable
    assert by_text[Role.BUTTON, "完成"].bounds.contains(Point(1448, 680))


def test_a_permission_dialog_is_read_as_on_the_phone(shared_data: Path) -> None:
    seen = real(shared_data, "permission_location_precise_dialog_en", SIZE)
    assert [(one.role.value, one.text, one.checked) for one in seen] == [
        ("text", "Allow Camera to access this device\u2019s location?", None),
        ("radio", "Precise", True),
        ("radio", "Approximate", False),
        ("button", "While using the app", None),
        ("button", "Only this time", None),
        ("button", "Don\u2019t allow", None),
    ]


def test_a_password_is_an_input_that_says_so(shared_data: Path) -> None:
    seen = real(shared_data, "appium_login_form_password_en", Size(1080, 1920))
    assert [(one.text, one.password) for one in seen if one.role is Role.INPUT] == [
        ("alice", False),
        ("•" * 9, True),
    ]


def test_compose_switches_are_named_and_checked_as_drawn(shared_data: Path) -> None:
    seen = real(shared_data, "compose_audio_dsp_switches_en", SIZE)
    checked = {one.text: one.checked for one in seen if one.checked is not None and one.text}
    assert checked == {
        "ACTIVE": True,
        "Pre-Gain Control (PGC)": True,
        "10-Band Equalizer": True,
        "Viper Bass & Boost": True,
        "Field Surround": False,
        "Preset Reverb": False,
        "Loudness Enhancer": False,
        "Dynamics Processing": False,
    }


def test_every_real_dump_but_the_game_is_useful(shared_data: Path) -> None:
    for dump in sorted((shared_data / "ui_dumps").glob("*.xml")):
        if not dump.name.startswith("malformed"):
            tree = parse_ui_tree(dump.read_bytes())
            bounds = max((window.bounds for window in tree.windows), key=lambda one: one.area)
            useful = is_useful(tree, Size(bounds.right, bounds.bottom))
            assert useful is not dump.name.startswith("game"), dump.name


def test_a_web_page_whose_views_have_no_area_is_useless() -> None:
    page = node("[0,300][0,300]", text="Read me")
    web = node("[0,200][1080,2300]", page, name="android.webkit.WebView")
    bar = node("[0,100][500,180]", text="example.org")
    tree = tree_of(node("[0,0][1080,2400]", bar, web))
    assert not is_useful(tree, SIZE)
    elements = elements_from_tree(tree, SIZE)
    assert blind_regions(tree, elements, SIZE) == (Bounds(0, 200, 1080, 2300),)


def test_a_web_page_that_tells_its_content_is_useful() -> None:
    page = node("[40,300][700,380]", text="Read me")
    web = node("[0,200][1080,2300]", page, name="android.webkit.WebView")
    tree = tree_of(web)
    assert is_useful(tree, SIZE)
    assert blind_regions(tree, elements_from_tree(tree, SIZE), SIZE) == ()


def test_a_tree_without_windows_is_useless() -> None:
    assert not is_useful(parse_ui_tree("<hierarchy/>"), SIZE)
