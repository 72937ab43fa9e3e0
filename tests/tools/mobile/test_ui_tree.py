import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.errors import UnreadableTree
from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.ui_tree import parse_ui_tree

NODE = '<node class="android.widget.Button" text="{text}" bounds="[0,0][10,20]"/>'
TREE = f'<hierarchy rotation="0">{NODE.format(text="OK")}</hierarchy>'


def texts(xml: str | bytes) -> list[str]:
    return [node.text for node in parse_ui_tree(xml).walk()]


def test_appium_and_uiautomator_dumps_of_one_screen_agree(shared_data: Path) -> None:
    dumps = shared_data / "ui_dumps"
    appium, uiautomator = (
        parse_ui_tree((dumps / f"automotive_quick_settings_ko_{kind}.xml").read_bytes())
        for kind in ("appium", "uiautomator")
    )
    one, other = (
        [(node.class_name, node.text, node.content_desc, node.bounds) for node in tree.walk()]
        for tree in (appium, uiautomator)
    )
    assert one == other
    assert len(one) == 59
    assert (appium.width_px, appium.height_px) == (1920, 957)
    assert (uiautomator.width_px, uiautomator.height_px) == (None, None)


def test_all_real_dumps_have_the_nodes_that_their_index_counts(shared_data: Path) -> None:
    index = (shared_data / "ui_dumps" / "INDEX.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t")[:3] for line in index.splitlines()[1:]]
    dumps = {name: int(nodes) for name, _, nodes in rows if name.endswith(".xml")}
    refused = "malformed_prefix_bom_mojibake.xml"
    assert len(dumps) == 24
    for name, nodes in dumps.items():
        if name != refused:
            tree = parse_ui_tree((shared_data / "ui_dumps" / name).read_bytes())
            assert sum(1 for _ in tree.walk()) == nodes, name
    with pytest.raises(UnreadableTree, match="not well-formed"):
        parse_ui_tree((shared_data / "ui_dumps" / refused).read_bytes())


def test_every_window_of_a_multi_window_dump_is_kept_in_order(shared_data: Path) -> None:
    dump = shared_data / "ui_dumps" / "bilibili_home_feed_multiwindow_zh.xml"
    windows = parse_ui_tree(dump.read_bytes()).windows
    assert [window.package for window in windows] == [
        "com.android.systemui",
        "tv.danmaku.bili",
        "com.android.systemui",
    ]


def test_inverted_bounds_are_kept_and_have_no_area(shared_data: Path) -> None:
    dump = shared_data / "ui_dumps" / "reactnative_file_browser_inverted_bounds.xml"
    bounds = [node.bounds for node in parse_ui_tree(dump.read_bytes()).walk()]
    assert Bounds(31, 2178, 109, 2160) in bounds
    assert Bounds(31, 2178, 109, 2160).area == 0


@pytest.mark.parametrize(
    "dump",
    [
        "\ufeff" + TREE,
        TREE.encode("utf-8-sig"),
        "UI hierchary dumped to: /sdcard/ui.xml\n" + TREE,
        TREE + "UI hierchary dumped to: /dev/tty\n",
        TREE.encode("utf-16"),
        "\ufeffline\n<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>" + TREE,
    ],
)
def test_what_stands_around_a_hierarchy_is_removed(dump: str | bytes) -> None:
    assert texts(dump) == ["OK"]
    assert parse_ui_tree(dump).xml == TREE


def test_bytes_are_read_in_the_encoding_that_they_declare() -> None:
    declared = "<?xml version='1.0' encoding='GBK'?>" + TREE.replace("OK", "设置")
    assert texts(declared.encode("gbk")) == ["设置"]


def test_references_to_characters_are_read() -> None:
    xml = TREE.replace("OK", "&#128193;&#10;&#65532;&#xE8B6;")
    assert texts(xml) == ["\N{FILE FOLDER}\n\ufffc\ue8b6"]


def test_a_hierarchy_without_nodes_has_no_windows() -> None:
    assert parse_ui_tree('<hierarchy rotation="0" />').windows == ()
    assert parse_ui_tree("<hierarchy></hierarchy>").windows == ()


@pytest.mark.parametrize(
    ("dump", "reason"),
    [
        ("", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        ("ERROR: could not get idle state.", "could not get idle state"),
        ("<html><body/></html>", "no 'hierarchy' element"),
        ("<hierarchyish/>", "root is 'hierarchyish'"),
        (TREE[: len(TREE) // 2], "not well-formed"),
        (TREE.removesuffix("</hierarchy>"), "not well-formed"),
        (TREE.replace('text="OK"', 'text="O'), "not well-formed"),
        (
            ("<?xml version='1.0' encoding='UTF-8'?>" + TREE.replace("OK", "设置")).encode("gbk"),
            "not in the encoding 'utf-8'|not in the encoding 'UTF-8'",
        ),
        (b"<?xml version='1.0' encoding='no-such'?>" + TREE.encode(), "unknown encoding"),
        (TREE.replace("OK", "\ud83d"), "half a character"),
        ("<hierarchy>" + "<node>" * 220 + "</node>" * 220 + "</hierarchy>", "levels deep"),
        ("<hierarchy>" + "<node>" * 9000 + "</node>" * 9000 + "</hierarchy>", "deep|depth"),
        ("<hierarchy>" + "<node/>" * 20_001 + "</hierarchy>", "more than 20,000 nodes"),
        (TREE.replace("OK", "x" * 4_000_000), "characters"),
        (
            '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>'
            + TREE.replace("OK", "&lol2;"),
            "not well-formed|document type",
        ),
        ('<hierarchy><!DOCTYPE x SYSTEM "file:///etc/passwd"></hierarchy>', "document type"),
    ],
)
def test_what_is_no_dump_is_refused_in_one_sentence(dump: str | bytes, reason: str) -> None:
    with pytest.raises(UnreadableTree, match=reason) as caught:
        parse_ui_tree(dump)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("bounds", ["", "[0,0]", "[a,b][c,d]", f"[0,0][{'9' * 5000},1]"])
def test_bounds_that_are_no_numbers_are_empty(bounds: str) -> None:
    xml = f'<hierarchy><node bounds="{bounds}"/></hierarchy>'
    assert parse_ui_tree(xml).windows[0].bounds.is_empty


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_arbitrary_input_is_read_or_refused_but_never_breaks(junk: bytes | str) -> None:
    around: bytes | str
    if isinstance(junk, bytes):
        around = b"<hierarchy>" + junk + b"</hierarchy>"
    else:
        around = f"<hierarchy>{junk}</hierarchy>"
    for dump in (junk, around):
        with contextlib.suppress(UnreadableTree):
            parse_ui_tree(dump)
