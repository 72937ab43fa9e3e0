import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tapgraph.errors import ToolError, UsageError

if TYPE_CHECKING:
    from tests.tools.mobile.simulator.conftest import Demo, MakeDemo


DEMO, OTHER = "org.example.demo", "org.example.other"
LAUNCHER = "com.google.android.apps.nexuslauncher"
BACK, HOME, ENTER, DELETE, RECENTS = 4, 3, 66, 67, 187


def test_phone_starts_at_the_launcher(make_demo: "MakeDemo") -> None:
    phone = make_demo().phone
    assert phone.foreground == (LAUNCHER, ".NexusLauncherActivity")


def test_tap_on_an_icon_starts_the_app(make_demo: "MakeDemo") -> None:
    demo = make_demo()
    demo.tap("Demo Kit")
    assert demo.phone.foreground == (DEMO, ".Main")


def test_swipe_up_opens_the_drawer_and_its_search_filters(make_demo: "MakeDemo") -> None:
    demo = make_demo()
    demo.phone.swipe(540, 1500, 540, 700)
    demo.tap("Search apps")
    demo.phone.type_text("oth")
    assert {"Other"} == demo.words & {"Other", "Demo Kit"}
    demo.phone.press_key(BACK)
    demo.phone.press_key(BACK)
    assert "Search apps" not in demo.words


def test_back_pops_pages_then_leaves_to_the_launcher(demo: "Demo") -> None:
    demo.tap("Item 1")
    assert demo.phone.foreground == (DEMO, ".Item")
    demo.phone.press_key(BACK)
    assert demo.phone.foreground == (DEMO, ".Main")
    demo.phone.press_key(BACK)
    assert demo.phone.foreground[0] == LAUNCHER


def test_home_keeps_the_app_as_it_was(demo: "Demo") -> None:
    demo.tap("Item 2")
    demo.phone.press_key(HOME)
    demo.phone.open_app(DEMO)
    assert demo.node("title").text == "Item 2"


def test_terminated_app_starts_afresh(demo: "Demo") -> None:
    demo.tap("Add 0")
    demo.phone.terminate_app(DEMO)
    assert demo.phone.foreground[0] == LAUNCHER
    assert not demo.phone.is_running(DEMO)
    assert "Add 0" in demo.open().words


def test_recents_bring_back_and_end_apps(demo: "Demo") -> None:
    demo.phone.open_app(OTHER)
    demo.phone.press_key(RECENTS)
    assert demo.phone.foreground[0] == LAUNCHER
    card = demo.center("Other")
    demo.phone.swipe(card.x, card.y, card.x, card.y - 600)
    assert not demo.phone.is_running(OTHER)
    demo.tap("Demo Kit")
    assert demo.phone.foreground == (DEMO, ".Main")


def test_recents_key_twice_returns_to_the_app_before(demo: "Demo") -> None:
    demo.phone.open_app(OTHER)
    demo.phone.press_key(RECENTS)
    demo.phone.press_key(RECENTS)
    assert demo.phone.foreground[0] == DEMO


def test_clear_all_ends_every_app(demo: "Demo") -> None:
    demo.phone.press_key(RECENTS)
    demo.tap("Clear all")
    assert not demo.phone.is_running(DEMO)
    demo.phone.press_key(RECENTS)
    assert "No recent items" in demo.words


def test_swipe_scrolls_and_the_offset_survives_a_rebuild(demo: "Demo") -> None:
    demo.phone.swipe(540, 1800, 540, 800)
    top = demo.node("Item 5").bounds
    demo.tap("Item 9")
    demo.phone.press_key(BACK)
    assert demo.node("Item 5").bounds == top
    assert "Add 0" not in demo.words


def test_scrolling_stops_at_both_ends(demo: "Demo") -> None:
    for _ in range(12):
        demo.phone.swipe(540, 1800, 540, 300)
    assert "Item 29" in demo.words
    for _ in range(12):
        demo.phone.swipe(540, 600, 540, 2200)
    assert "Add 0" in demo.words


def test_row_scrolls_sideways_without_moving_the_list(demo: "Demo") -> None:
    tags, item = demo.node("tags").bounds, demo.node("Item 0").bounds
    demo.phone.swipe(900, tags.center.y, 200, tags.center.y)
    assert "Tag 0" not in demo.words
    assert "Tag 7" in demo.words
    assert demo.node("Item 0").bounds == item


def test_vertical_swipe_on_a_row_scrolls_the_list(demo: "Demo") -> None:
    tags = demo.node("tags").bounds.center
    demo.phone.swipe(tags.x, tags.y, tags.x, tags.y - 500)
    assert "Item 7" in demo.words


def test_long_press_reaches_only_its_listener(demo: "Demo") -> None:
    point = demo.center("Item 3")
    demo.phone.long_press(point.x, point.y)
    assert demo.phone.foreground == (DEMO, ".Main")


def test_long_press_without_listener_is_a_tap(demo: "Demo") -> None:
    point = demo.center("add")
    demo.phone.long_press(point.x, point.y)
    assert "Add 1" in demo.words


def test_double_tap_without_listener_is_two_taps(demo: "Demo") -> None:
    point = demo.center("add")
    demo.phone.double_tap(point.x, point.y)
    assert "Add 2" in demo.words


def test_second_tap_of_a_double_tap_does_not_reach_the_next_page(demo: "Demo") -> None:
    point = demo.center("Item 1")
    demo.phone.double_tap(point.x, point.y)
    demo.phone.press_key(BACK)
    assert demo.phone.foreground == (DEMO, ".Main")


def test_disabled_button_swallows_the_tap(demo: "Demo") -> None:
    demo.tap("off")
    assert "Add 0" in demo.words
    assert not demo.node("off").enabled


def test_switch_shows_its_state(demo: "Demo") -> None:
    assert not demo.node("dark").checked
    demo.tap("dark")
    assert demo.node("dark").checked


def test_dialog_is_the_only_window_and_its_button_acts(demo: "Demo") -> None:
    demo.tap("delete")
    assert "Item 0" not in demo.words
    assert demo.phone.database("com.android.systemui").execute(
        "SELECT dialog FROM screen"
    ).fetchall() == [("Delete everything?",)]
    demo.tap("Delete")
    assert demo.phone.database(DEMO).execute("SELECT text FROM saved").fetchall() == [("deleted",)]


@pytest.mark.parametrize("way", ["back", "outside", "cancel"])
def test_dialog_closes_without_acting(demo: "Demo", way: str) -> None:
    demo.tap("delete")
    if way == "back":
        demo.phone.press_key(BACK)
    elif way == "outside":
        demo.phone.tap(540, 300)
    else:
        demo.tap("Cancel")
    assert "Delete everything?" not in demo.words
    assert demo.phone.database(DEMO).execute("SELECT count(*) FROM saved").fetchone() == (0,)


def test_sheet_stands_at_the_bottom(demo: "Demo") -> None:
    demo.tap("sort")
    sheet = demo.tree.windows[0].bounds
    assert (sheet.left, sheet.right, sheet.bottom) == (0, 1080, 2400)
    assert sheet.top > 1500
    demo.tap("Rating")
    assert "Sort by" not in demo.words


def test_toast_is_seen_for_a_while(demo: "Demo") -> None:
    demo.tap("delete")
    demo.tap("Delete")
    assert demo.node("Deleted").class_name == "android.widget.Toast"
    demo.phone.advance(5)
    assert "Deleted" not in demo.words


def test_permission_is_asked_once_and_kept(demo: "Demo") -> None:
    demo.tap("locate")
    assert demo.phone.foreground[0] == "com.android.permissioncontroller"
    assert "Allow Demo Kit to access this device's location?" in demo.words
    demo.tap("While using the app")
    assert demo.node("location").text == "Location granted"
    demo.phone.terminate_app(DEMO)
    demo.open().tap("locate")
    assert demo.node("location").text == "Location granted"


def test_permission_for_one_time_ends_with_the_app(demo: "Demo") -> None:
    demo.tap("locate")
    demo.tap("Only this time")
    demo.phone.terminate_app(DEMO)
    demo.open().tap("locate")
    assert "Only this time" in demo.words


@pytest.mark.parametrize("way", ["Don\N{RIGHT SINGLE QUOTATION MARK}t allow", "back"])
def test_refused_permission_is_told_to_the_app(demo: "Demo", way: str) -> None:
    demo.tap("locate")
    if way == "back":
        demo.phone.press_key(BACK)
    else:
        demo.tap(way)
    assert demo.node("location").text == "Location denied"


def test_notification_opens_its_page(demo: "Demo") -> None:
    demo.tap("tell")
    demo.phone.press_key(HOME)
    demo.phone.swipe(540, 10, 540, 900)
    assert [entry.title for entry in demo.phone.notifications] == ["Parcel"]
    demo.tap("Parcel")
    assert demo.node("title").text == "Item 99"
    assert not demo.phone.notifications


def test_notification_is_swiped_away(demo: "Demo") -> None:
    demo.tap("tell")
    demo.phone.open_notifications()
    card = demo.center("Parcel")
    demo.phone.swipe(card.x, card.y, card.x + 500, card.y)
    assert "No notifications" in demo.words
    demo.phone.press_key(BACK)
    assert "Item 0" in demo.words


def test_quick_settings_change_the_status(demo: "Demo") -> None:
    demo.phone.open_notifications()
    demo.tap("Internet")
    assert not demo.phone.status.wifi
    assert not demo.phone.online


def test_gestures_at_the_edges(demo: "Demo") -> None:
    demo.tap("Item 1")
    demo.phone.swipe(2, 1200, 500, 1200)
    assert demo.phone.foreground == (DEMO, ".Main")
    demo.phone.swipe(540, 2395, 540, 1200)
    assert demo.phone.foreground[0] == LAUNCHER


def test_rotation_lays_out_anew(demo: "Demo") -> None:
    demo.phone.rotate(1)
    assert (demo.phone.size.width_px, demo.phone.size.height_px) == (2400, 1080)
    assert demo.phone.screenshot().size == (2400, 1080)
    assert (demo.tree.rotation, demo.tree.width_px) == (1, 2400)
    assert demo.node("list").bounds.right == 2400


def test_clock_runs_with_inputs_and_waiting_not_with_looking(demo: "Demo") -> None:
    before = demo.phone.clock
    demo.phone.page_source()
    demo.phone.screenshot()
    assert demo.phone.clock == before
    demo.phone.tap(1, 300)
    assert before < demo.phone.clock < before + timedelta(seconds=2)
    demo.phone.advance(60)
    assert demo.phone.clock > before + timedelta(seconds=60)


def test_bad_arguments_are_told(demo: "Demo") -> None:
    with pytest.raises(KeyError):
        demo.phone.open_app("org.example.absent")
    with pytest.raises(KeyError):
        demo.phone.database("org.example.absent")
    with pytest.raises(UsageError, match="rotation"):
        demo.phone.rotate(7)
    with pytest.raises(UsageError, match="seconds"):
        demo.phone.advance(-1)
    with pytest.raises(ToolError, match="focus"):
        demo.phone.type_text("x")


def test_state_can_be_read_by_another_process(make_demo: "MakeDemo", tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415

    demo = make_demo(state_dir=tmp_path / "state").open()
    demo.tap("Item 4")
    saved = sqlite3.connect(tmp_path / "state" / f"{DEMO}.db")
    system = sqlite3.connect(tmp_path / "state" / "com.android.systemui.db")
    assert saved.execute("SELECT text FROM saved").fetchall() == [("opened 4",)]
    assert system.execute("SELECT package, activity, keyboard_shown FROM screen").fetchall() == [
        (DEMO, ".Item", 0)
    ]
    saved.close()
    system.close()


def test_new_phone_replaces_the_state_of_an_earlier_one(
    make_demo: "MakeDemo", tmp_path: Path
) -> None:
    make_demo(state_dir=tmp_path).open().tap("Item 4")
    fresh = make_demo(state_dir=tmp_path)
    assert fresh.phone.database(DEMO).execute("SELECT count(*) FROM saved").fetchone() == (0,)


def test_two_threads_can_use_one_phone(demo: "Demo") -> None:
    point = demo.center("add")

    def work() -> None:
        for _ in range(20):
            demo.phone.tap(point.x, point.y)
            demo.phone.page_source()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "Add 60" in demo.words
