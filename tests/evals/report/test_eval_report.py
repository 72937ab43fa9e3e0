"""The page of an evaluation, read as HTML, and the SSS curves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lxml import html

from tapgraph.evals.evaluate import Evaluation, evaluate
from tapgraph.evals.phone.baselines import PhoneAgents
from tapgraph.evals.report.curves import sss_png, sss_svg
from tapgraph.evals.report.eval_report import write_eval_report
from tapgraph.evals.suite import Rubric, Task, suite_of
from tapgraph.evals.trial import Trial, TrialRecord, Verdict, broken
from tapgraph.tools.mobile.simulator.guide import Aim, Route

MakeRecord = Callable[..., TrialRecord]
MakeEvaluation = Callable[..., Evaluation]
SVG = "{http://www.w3.org/2000/svg}"
EVIL = '<script>alert(1)</script>\u202e"'


def texts(page: html.HtmlElement, path: str) -> list[str]:
    return [" ".join(one.text_content().split()) for one in page.xpath(path)]


@pytest.fixture(scope="module")
def alarm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Evaluation]:
    """One task done by the demonstrator and by nobody."""
    rubric = Rubric(
        "the alarm is on",
        lambda seen: seen.rows("Clock", "SELECT is_on FROM alarms WHERE at = '08:30'") == [(1,)],
    )
    aim = Aim(words="Turn it on", app="Clock", page="alarms", act="switch", row=("alarms", 2))
    task = Task(
        id="alarm", instruction="Turn on the alarm.", rubrics=(rubric,), route=Route((aim,))
    )
    suite = suite_of([task])
    return {
        name: evaluate(suite, PhoneAgents(name), out=tmp_path_factory.mktemp(name), agent=name)
        for name in ("demonstrator", "null")
    }


@pytest.fixture(scope="module")
def page(
    alarm: dict[str, Evaluation], tmp_path_factory: pytest.TempPathFactory
) -> html.HtmlElement:
    place = tmp_path_factory.mktemp("page") / "report.html"
    write_eval_report([*alarm.values()], place)
    return html.fromstring(place.read_text("utf-8"))


def test_two_agents_stand_under_each_other_by_task(page: html.HtmlElement) -> None:
    assert texts(page, "//*[@class='task']/h3") == ["Turn on the alarm. alarm/0"]
    assert texts(page, "//*[@class='who']") == ["demonstrator", "null"]
    assert texts(page, "//*[contains(@class, 'badge')]") == ["done", "not done"]


def test_each_step_has_its_screen_and_its_action(page: html.HtmlElement) -> None:
    first = page.xpath("//article")[0]
    captions = texts(first, ".//*[@class='frames']/li")
    assert captions[0] == "1. Open_App “Clock”"
    assert captions[-1] == "the end"
    assert captions[1].startswith('2. Tap "08:30')
    pictures = [image.get("src") for image in first.xpath(".//img")]
    assert len(pictures) == 3
    assert all(source.startswith("data:image/webp") for source in pictures)


def test_a_run_without_steps_shows_where_it_ended(page: html.HtmlElement) -> None:
    assert texts(page.xpath("//article")[1], ".//*[@class='frames']/li") == ["the end"]


def test_rubrics_are_marked(page: html.HtmlElement) -> None:
    marks = [one.get("class") for one in page.xpath("//*[@class='rubrics']/li")]
    assert marks == ["yes", "no"]


def test_each_agent_has_its_table(page: html.HtmlElement) -> None:
    first_rows = [texts(table, "(.//tbody/tr)[1]/td")[:2] for table in page.xpath("//table")]
    assert first_rows == [["success ↑", "100.0 %"], ["success ↑", "0.0 %"]]


def test_the_page_loads_nothing(page: html.HtmlElement) -> None:
    policy = page.xpath("//meta[@http-equiv]")[0].get("content")
    assert "default-src 'none'; img-src data:" in policy
    assert not page.xpath("//script | //link | //iframe | //*[@style]")


def test_what_a_model_or_a_screen_said_is_text(
    record: MakeRecord, evaluation: MakeEvaluation, tmp_path: Path
) -> None:
    bad = record(
        verdicts=(Verdict(EVIL, False, "judge", EVIL),), side_effects=(EVIL,), curve=(0.0,)
    )
    bad = replace(bad, instruction=EVIL)
    one = evaluation([bad, broken(Trial("other", 0, 0), EVIL)], agent="a")
    place = write_eval_report([one], tmp_path / "report.html")
    text = place.read_text("utf-8")
    assert "<script" not in text
    assert "\u202e" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;⟨U+202E⟩") >= 4


def test_a_trial_that_broke_off_says_why(evaluation: MakeEvaluation, tmp_path: Path) -> None:
    one = evaluation([broken(Trial("walk", 0, 0), "ValueError: no such luck")])
    page = html.fromstring(write_eval_report([one], tmp_path / "r.html").read_text("utf-8"))
    assert texts(page, "//*[contains(@class, 'error-text')]") == ["ValueError: no such luck"]
    assert "ended: broke off" in texts(page, "//article/header")[0]


def test_two_evaluations_of_one_agent_are_told_apart_by_their_folders(
    record: MakeRecord, evaluation: MakeEvaluation, tmp_path: Path
) -> None:
    one = evaluation([record()], agent="a")
    other = replace(one, folder=tmp_path / "second")
    page = html.fromstring(write_eval_report([one, other], tmp_path / "r").read_text("utf-8"))
    assert texts(page, "//*[@class='who']") == ["evaluation-a", "second"]


def lines(svg: str) -> list[tuple[str, str | None]]:
    """Points and width of the curves, without the grey lines behind them."""
    return [
        (one.get("points", ""), one.get("stroke-width"))
        for one in ElementTree.fromstring(svg).iter(f"{SVG}polyline")
        if one.get("stroke") != "#888888"
    ]


def test_curves_reach_from_corner_to_corner(record: MakeRecord) -> None:
    # The frame is x 52 to 604 and y 238 (nothing holds) to 14 (all does).
    drawn = lines(sss_svg({"a": [record(curve=(0.0, 0.5, 1.0))]}))
    assert drawn == [
        ("52.0,238.0 328.0,126.0 604.0,14.0", "1"),
        ("52.0,238.0 604.0,14.0", "3"),
    ]


def test_the_picture_has_the_line_where_the_drawing_has_it(record: MakeRecord) -> None:
    picture = sss_png({"a": [record(curve=(0.0, 0.5, 1.0))]})
    assert picture.size == (1240, 600)
    assert picture.getpixel((656, 252)) == (0x31, 0x57, 0xD5)
    assert picture.getpixel((656, 100)) == (255, 255, 255)


def test_an_agent_without_curves_is_only_named(record: MakeRecord) -> None:
    svg = sss_svg({"a & b <c>": [record()]})
    assert [one for one in lines(svg) if one[1]] == []
    labels = [one.text for one in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert "a & b <c>" in labels
