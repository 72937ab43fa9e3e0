"""Expected places are computed by hand from dp; one dp is 2.625 px."""

import pytest

from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.simulator.layout import lay_out, name_views
from tapgraph.tools.mobile.simulator.phone_profile import PHONE
from tapgraph.tools.mobile.simulator.views import (
    Column,
    Frame,
    Label,
    Row,
    ScrollColumn,
    Spacer,
    View,
)

AREA = Bounds(0, 0, 1050, 2100)  # 400 by 800 dp


def laid_out(root: View, scrolled_px: dict[str, int] | None = None) -> View:
    name_views(root, "root")
    lay_out(root, AREA, scrolled_px or {}, PHONE)
    return root


def corners(view: View) -> tuple[int, int, int, int]:
    bounds = view.bounds
    return bounds.left, bounds.top, bounds.right, bounds.bottom


def box(**settings: object) -> View:
    return View(**({"width": 40, "height": 40} | settings))  # type: ignore[arg-type]


def test_column_stacks_with_padding_gap_and_margin() -> None:
    first, second = box(), box(margin=(0, 8, 0, 0))
    laid_out(Column([first, second], padding=16, gap=8))
    assert corners(first) == (42, 42, 147, 147)
    assert corners(second) == (42, 147 + 21 + 21, 147, 294)


def test_weights_share_what_is_left() -> None:
    fixed, one, three = box(width=80), box(weight=1), box(weight=3)
    laid_out(Row([fixed, one, three], height="match"))
    # 400 - 80 dp leaves 840 px: 210 and 630.
    assert [view.bounds.width for view in (fixed, one, three)] == [210, 210, 630]
    assert three.bounds.right == 1050


def test_match_takes_the_rest_of_a_column() -> None:
    rest = View(width="match", height="match")
    laid_out(Column([box(), rest, box()]))
    assert corners(rest) == (0, 105, 1050, 2100 - 105)


def test_row_centers_across_and_arranges_along() -> None:
    small, large = box(height=20), box(height=80)
    laid_out(Frame([Row([small, large], arrange="end")], width="match", height="match"))
    assert corners(large) == (1050 - 105, 0, 1050, 210)
    assert corners(small) == (1050 - 210, 79, 1050 - 105, 79 + 52)


@pytest.mark.parametrize(
    ("gravity", "left", "top"),
    [("top_start", 0, 0), ("center", 472, 997), ("bottom_end", 945, 1995), ("top_center", 472, 0)],
)
def test_frame_places_by_gravity(gravity: str, left: int, top: int) -> None:
    child = box(gravity=gravity)
    laid_out(Frame([child], width="match", height="match"))
    assert (child.bounds.left, child.bounds.top) == (left, top)


def test_wrapping_parent_is_as_large_as_its_largest_child() -> None:
    inner = Column([box(width=60), View(width="match", height=10)], width="wrap")
    laid_out(Frame([inner], width="match", height="match"))
    assert inner.measured == (158, 105 + 26)
    assert inner.children[1].bounds.width == 158


def test_long_text_wraps_and_grows_downwards() -> None:
    short, long = Label("one line"), Label("many words " * 40)
    laid_out(Column([short, long]))
    assert long.bounds.width <= 1050
    assert long.bounds.height >= 4 * short.bounds.height
    assert long.bounds.height % short.bounds.height == 0


def test_max_lines_limits_the_height() -> None:
    short, long = Label("one line"), Label("many words " * 40, max_lines=2)
    laid_out(Column([short, long]))
    assert long.bounds.height == 2 * short.bounds.height


def test_scrolling_moves_and_clips_children() -> None:
    children: list[View] = [box(key=str(number), height=100) for number in range(20)]
    column = ScrollColumn(children)
    laid_out(column, {"root": 1000})
    # 20 children of round(262.5) = 262 px: half to even.
    assert column.scroll_range_px == 20 * 262 - 2100
    assert column.scroll_px == 1000
    assert children[0].visible.is_empty
    assert children[3].bounds.top == 3 * 262 - 1000
    assert corners(children[4])[1] == 48
    assert children[3].visible.top == 0


def test_offset_beyond_the_end_is_clamped() -> None:
    column = ScrollColumn([box(height=500), box(height=500)])
    laid_out(column, {"root": 99_999})
    assert column.scroll_px == column.scroll_range_px == 2 * 1312 - 2100


def test_wrapping_list_leaves_room_for_what_follows() -> None:
    foot = box()
    panel = Column([ScrollColumn([box(height=2000)], height="wrap"), foot], height="wrap")
    laid_out(Frame([panel], width="match", height="match"))
    assert foot.bounds.bottom <= 2100
    assert foot.bounds.height == 105


def test_identity_follows_keys_not_places() -> None:
    before, after = (
        Column([Label("x", key=key) for key in keys]) for keys in (("a", "b"), ("b", "a"))
    )
    name_views(before, "s")
    name_views(after, "s")
    assert before.children[0].identity == after.children[1].identity


def test_identities_are_unique_in_a_tree() -> None:
    root = Column([Label("a"), Label("b"), Row([Label("c", id="i"), Label("d", id="i"), Spacer()])])
    name_views(root, "s")
    names = [view.identity for view in root.walk()]
    assert len(set(names)) == len(names)
