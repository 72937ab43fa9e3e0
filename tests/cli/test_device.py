import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from tapgraph.cli.main import main
from tapgraph.tools.mobile.perception.icons import open_icon_namer
from tapgraph.tools.mobile.screen_text import parse_description
from tapgraph.tools.mobile.ui_tree import parse_ui_tree


def test_a_screenshot_of_a_fresh_simulated_phone_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "screen.png"
    assert main(["device", "screenshot", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["width_px"], told["height_px"]) == (1080, 2400)
    with Image.open(out) as image:
        assert image.size == (1080, 2400)


def test_a_screenshot_of_another_phone_has_its_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "screen.png"
    assert main(["device", "screenshot", "--phone", "tablet,dark", "--out", str(out)]) == 0
    assert "2560 by 1600" in capsys.readouterr().out


def test_a_picture_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["device", "screenshot", "--out", str(tmp_path / "no" / "screen.png")]) == 2
    assert main(["device", "screenshot", "--out", str(tmp_path / "screen.odt")]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_the_tree_is_printed_as_an_agent_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "tree"]) == 0
    elements = parse_description(capsys.readouterr().out)
    assert "Maps" in {element.text for element in elements}


def test_the_tree_can_be_had_as_the_phone_gives_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "tree", "--xml"]) == 0
    texts = {node.text for node in parse_ui_tree(capsys.readouterr().out).walk()}
    assert "Maps" in texts


def test_the_tree_as_json_has_every_element(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "tree", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["size"] == {"width_px": 1080, "height_px": 2400}
    assert "Maps" in {element["text"] for element in told["elements"]}


def test_opening_an_app_prints_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "open", "maps", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["action"] == {"name": "Open_App", "arguments": {"app_name": "maps"}}
    assert any("maps" in line.lower() for line in told["change"])


def test_tapping_nothing_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "tap", "1079", "1200"]) == 0
    assert "nothing changed" in capsys.readouterr().out


def test_an_app_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "open", "Teleporter"]) == 1
    captured = capsys.readouterr()
    assert "Teleporter" in captured.err
    assert captured.err.count("\n") == 1


def test_typing_without_a_field_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "type", "hello"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_icons_are_named_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "tree", "--icons"]) == 0
    with_icons = capsys.readouterr().out
    assert main(["device", "tree"]) == 0
    without = capsys.readouterr().out
    assert " icon: " not in without
    assert parse_description(with_icons) == parse_description(without)


def test_without_the_extra_icons_are_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_icon_namer.cache_clear()
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert main(["device", "tree", "--icons"]) == 3
    assert "pip install 'tapgraph[vision]'" in capsys.readouterr().err


def test_a_look_is_a_quarter_of_the_screen_around_what_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "look.png"
    assert main(["device", "look", "open the settings", "--out", str(out), "--json"]) == 0
    left, top, right, bottom = json.loads(capsys.readouterr().out)["bounds"]
    assert (right - left, bottom - top) == (540, 1200)
    with Image.open(out) as picture:
        assert picture.size == (540, 1200)


def test_a_look_for_what_is_not_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["device", "look", "zebra", "--out", str(tmp_path / "look.png")]) == 2
    assert "nothing on this screen fits 'zebra'" in capsys.readouterr().err
