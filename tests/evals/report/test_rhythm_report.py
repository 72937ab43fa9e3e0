import json
import re
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.events import Decided, Planned, Reflected
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.cli.main import main

HARMFUL = '<script>alert(1)</script> & "quoted" <|im_end|> \u202egnp.exe <img src=x onerror=y>'
STYLE = re.compile(r"style-src 'sha256-[^']+'")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    header = RunHeader(instruction=f"Buy tea {HARMFUL}", pipeline="tapgraph", model="m", device="d")
    with RunFolder.create(tmp_path / "run", header) as folder:
        folder.record(Planned(1, "First the shop.", ("Open the shop", "Buy tea"), "Open the shop"))
        folder.record(Decided(1, f"The icon is here. {HARMFUL}", {"name": "Tap"}, ""))
        folder.record(Reflected(1, "A", "", "The shop is open.", "unchanged screen"))
        folder.record(Decided(2, "Now the tea.", {"name": "Swipe"}, ""))
        folder.finish(Outcome.SUCCESS, "done", "", Spent())
    return folder.path


def drawn(tiny: Any, tmp_path: Path, *arguments: str) -> html.HtmlElement:
    page = tmp_path / "page.html"
    model = f"local:{tiny.folder()}?device=cpu"
    assert main(["rhythm", *arguments, "--model", model, "--out", str(page)]) == 0
    return html.fromstring(page.read_text(encoding="utf-8"))


def words_of(page: html.HtmlElement, kind: str) -> str:
    return "".join(part.text_content() for part in page.xpath(f"//div[@class='{kind}']"))


def test_the_words_of_a_text_stand_in_the_reply_and_its_prompt_before_it(
    tiny: Any, tmp_path: Path
) -> None:
    text = "First tea, then sugar.\nAnd then it is é done."
    (tmp_path / "reply.txt").write_text(text, encoding="utf-8")
    page = drawn(tiny, tmp_path, str(tmp_path / "reply.txt"), "--prompt", "What now?")
    assert words_of(page, "reply") == text
    assert "What now?" in words_of(page, "prompt")


def test_peaks_are_marked_in_the_text_and_in_the_curves(tiny: Any, tmp_path: Path) -> None:
    page = drawn(tiny, tmp_path, "one two three four five six seven eight nine ten " * 4)
    for mark, curve in (("preplan", "waad"), ("anchor", "fai")):
        marked = page.xpath(f"//div[@class='reply']/span[contains(@class, '{mark}')]")
        dots = page.xpath(f"//*[local-name()='circle'][@class='{curve}']")
        assert len(marked) == len(dots) > 0
    told = [part.text_content() for part in page.xpath("//dd")]
    assert told[1] == str(len(page.xpath("//*[local-name()='circle'][@class='waad']")))


def test_colours_reach_from_the_lowest_to_the_highest_value(tiny: Any, tmp_path: Path) -> None:
    page = drawn(tiny, tmp_path, "one two three four five six seven eight nine ten " * 4)
    styles = " ".join(page.xpath("//div[@class='reply']/span/@class"))
    assert {"w0", "w5", "f0", "f5"} <= set(styles.split())


def test_words_of_a_run_are_text_and_nothing_else(tiny: Any, tmp_path: Path, run: Path) -> None:
    page = drawn(tiny, tmp_path, str(run))
    written = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.xpath("//script | //img | //@onerror") == []
    assert "\u202e" not in written
    assert "⟨U+202E⟩" in written
    assert STYLE.search(written)
    assert page.xpath("//@style") == []
    assert "<script>alert(1)</script>" in words_of(page, "reply")
    # What spells a control token was read as letters: several tokens, not one.
    assert "<|im_end|>" not in [part.text for part in page.xpath("//div[@class='reply']/span")]


def test_a_run_shows_what_its_models_said_and_not_who_else_judged(
    tiny: Any, tmp_path: Path, run: Path
) -> None:
    page = drawn(tiny, tmp_path, str(run))
    said, between = words_of(page, "reply"), words_of(page, "prompt")
    for words in ("First the shop.\n1. Open the shop\n2. Buy tea", "The icon is here.", '"Swipe"'):
        assert words in said
    assert "The shop is open." not in said + between
    assert "[step 1, manager]" in between
    assert "Buy tea" in between


def test_one_step_alone_is_read_after_what_came_before(
    tiny: Any, tmp_path: Path, run: Path
) -> None:
    page = drawn(tiny, tmp_path, str(run), "--step", "1")
    assert "Now the tea." not in words_of(page, "reply") + words_of(page, "prompt")
    page = drawn(tiny, tmp_path, str(run), "--step", "2")
    assert words_of(page, "reply").startswith("Now the tea.")
    assert "First the shop." in words_of(page, "prompt")


def test_json_names_the_page_and_the_tokens(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn(tiny, tmp_path, "one two three four five six seven eight nine ten", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["page"] == str(tmp_path / "page.html")
    assert told["reply_tokens"] > len(told["preplan"]) > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.txt"], "there is no file 'nowhere.txt'"),
        (["some words", "--step", "2"], "--step is for a run"),
        (["RUN", "--step", "9"], "no model said anything in step 9"),
        (["RUN", "--prompt", "x"], "--prompt is for a text"),
        (["FOLDER"], "is not a run folder"),
        (["BYTES"], "is no text in UTF-8"),
        ([""], "there is no reply to look at"),
        (["a " * 9000], "the context of"),
        (["words", "--model", "openai:gpt"], "a checkpoint on this machine is local:PATH"),
        (["words", "--model", "local:MODEL?attention=h2o"], "is read with dense attention"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_one_sentence(
    tiny: Any,
    tmp_path: Path,
    run: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xfa")
    places = {"RUN": str(run), "FOLDER": str(tmp_path), "BYTES": str(tmp_path / "bytes")}
    model = str(tiny.folder())
    given = [places.get(one, one).replace("local:MODEL", f"local:{model}") for one in arguments]
    if "--model" not in given:
        given += ["--model", f"local:{model}"]
    assert main(["rhythm", *given, "--out", str(tmp_path / "page.html")]) == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "page.html").exists()


def test_models_with_windows_are_refused_in_one_sentence(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = f"local:{tiny.folder('gemma3')}"
    assert main(["rhythm", "some words of a reply", "--model", model]) == 2
    assert "needs layers that see the whole text" in " ".join(capsys.readouterr().err.split())
