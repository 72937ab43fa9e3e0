import base64
import hashlib
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import html
from PIL import Image

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.evals.report.run_report import write_report

LARGEST_BYTES = 3_000_000


def page_of(folder: RunFolder) -> html.HtmlElement:
    return html.fromstring(write_report(folder).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(_written_run: Path, tmp_path_factory: pytest.TempPathFactory) -> html.HtmlElement:
    """The report of the run with everything in it."""
    copy = shutil.copytree(_written_run, tmp_path_factory.mktemp("page") / "run")
    return page_of(RunFolder.open(copy))


def text_of(page: html.HtmlElement, path: str) -> str:
    (element,) = page.xpath(path)
    return " ".join(element.text_content().split())


def picture(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/webp;base64,"))))


def test_the_report_tells_what_was_asked_and_how_it_ended(
    phone_run: RunFolder, page: html.HtmlElement
) -> None:
    assert text_of(page, "//h1") == phone_run.header.instruction
    assert text_of(page, "//p[@class='verdict']") == "success all subgoals were verified"
    assert text_of(page, "//section[@class='answer']") == "AnswerTea Garden"


def test_the_report_says_that_replies_come_from_reference_solutions(page: html.HtmlElement) -> None:
    words = text_of(page, "//p[@class='notice']")
    assert words.startswith("Replies come from reference solutions, not from a language model.")


def test_a_run_of_a_model_has_no_such_notice(tmp_path: Path) -> None:
    header = RunHeader(instruction="Go", pipeline="tapgraph", model="gpt", device="phone")
    with RunFolder.create(tmp_path, header) as folder:
        assert "reference solutions" not in write_report(folder).read_text(encoding="utf-8")


def test_every_step_and_every_screen_is_shown(page: html.HtmlElement) -> None:
    assert page.xpath("//article/@id") == [f"step-{number}" for number in range(6)]
    assert len(page.xpath("//ol[@id='filmstrip']/li")) == 5
    targets = {f"#{name}" for name in page.xpath("//article/@id")}
    assert set(page.xpath("//ol[@id='filmstrip']//a/@href")) <= targets


def test_each_judgement_is_shown_with_its_letter(page: html.HtmlElement) -> None:
    letters = [
        page.xpath(f"string(//article[@id='step-{step}']//p[starts-with(@class,'outcome')]/b)")
        for step in range(1, 5)
    ]
    assert letters == ["A", "C", "B", "B"]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (0, "Open Maps current"),
        (1, "Maps (com.example.maps)"),
        (2, "Nothing changed after the tap."),
        (3, "Escalated to the Manager after 2 failures in a row."),
        (3, "attempt 2"),
        (3, "outcome: Input should be 'A', 'B' or 'C'"),
        (4, "The agent asks to confirm Send the note to everybody?"),
        (4, "no field has focus"),
        (4, "Tea Garden 4.7 stars, open until 18:00"),
        (4, "text recognition stood in"),
        (5, "✓ complete"),
        (5, "Search_Maps"),
        (5, "Close sign-in pages with Back."),
        (5, "retired Scroll <b>twice</b>. · action 3 shows it"),
    ],
)
def test_a_step_shows_what_happened_in_it(page: html.HtmlElement, step: int, words: str) -> None:
    assert words in text_of(page, f"//article[@id='step-{step}']")


def test_a_tap_is_told_with_the_text_of_its_target(page: html.HtmlElement) -> None:
    assert text_of(page, "//h3[@id='title-2']") == 'Tap (540, 1803) on "Search <b>" (button)'


def test_a_tap_is_drawn_on_the_screen_of_its_step(page: html.HtmlElement) -> None:
    (uri,) = page.xpath("//article[@id='step-2']//img/@src")
    red, green, blue = picture(uri).convert("RGB").getpixel((270, 901))  # type: ignore[misc]
    assert red > 150
    assert green < 100
    assert blue < 150


def test_the_first_part_of_a_shortcut_is_drawn(page: html.HtmlElement) -> None:
    (uri,) = page.xpath("//article[@id='step-4']//img/@src")
    red, green, blue = picture(uri).convert("RGB").getpixel((250, 100))  # type: ignore[misc]
    assert red > green + 60
    assert red > blue + 30


def test_pictures_are_small_and_have_a_text(page: html.HtmlElement) -> None:
    assert {picture(uri).width for uri in page.xpath("//article//img/@src")} == {540}
    assert all(text.strip() for text in page.xpath("//img/@alt"))
    assert len(page.xpath("//img")) == len(page.xpath("//img/@alt"))


def test_nothing_is_loaded_from_anywhere(phone_run: RunFolder) -> None:
    page = page_of(phone_run)
    assert all(uri.startswith("data:image/webp;base64,") for uri in page.xpath("//@src"))
    assert all(link.startswith("#") for link in page.xpath("//@href"))
    assert "http://" not in write_report(phone_run).read_text(encoding="utf-8")


def test_hostile_text_adds_no_element_and_no_attribute(page: html.HtmlElement) -> None:
    assert len(page.xpath("//script")) == 1
    assert len(page.xpath("//style")) == 1
    assert not page.xpath("//@onerror | //b[text()='today'] | //@style | //iframe | //object")
    assert "<script>document.title='hacked'</script>" in text_of(page, "//article[@id='step-3']")


def test_characters_that_reorder_or_hide_text_are_named(phone_run: RunFolder) -> None:
    content = write_report(phone_run).read_text(encoding="utf-8")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08]", content)
    assert "⟨U+202E⟩gnp.exe" in content


def test_the_policy_allows_only_our_own_style_and_script(page: html.HtmlElement) -> None:
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    for element, directive in (("style", "style-src"), ("script", "script-src")):
        (content,) = page.xpath(f"//{element}/text()")
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_every_ending_has_a_report(tmp_path: Path, outcome: Outcome | None) -> None:
    header = RunHeader(instruction="Go", pipeline="tapgraph", model="m", device="phone")
    with RunFolder.create(tmp_path, header) as folder:
        if outcome is not None:
            folder.finish(outcome, "", "", Spent())
        expected = "unfinished" if outcome is None else outcome.value.replace("_", " ")
        assert text_of(page_of(folder), "//p[@class='verdict']").startswith(expected)


def test_a_lost_picture_does_not_cost_the_report(phone_run: RunFolder) -> None:
    for place in (phone_run.path / "screens").glob("*.png"):
        place.write_bytes(b"not a picture")
    page = page_of(phone_run)
    assert len(page.xpath("//article")) == 6
    assert len(page.xpath("//span[@class='no-picture']")) == 5


def test_a_damaged_action_does_not_cost_the_report(phone_run: RunFolder) -> None:
    events = phone_run.path / "events.jsonl"
    text = events.read_text(encoding="utf-8").replace('"x":540', '"x":null')
    events.write_text(text, encoding="utf-8")
    assert len(page_of(phone_run).xpath("//article")) == 6


@pytest.mark.slow
def test_a_report_of_fifteen_steps_stays_small(long_run: Callable[[int], RunFolder]) -> None:
    assert write_report(long_run(15)).stat().st_size < LARGEST_BYTES
