import base64
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import html

from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.evals.report.run_report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


class Opened:
    """A page after its scripts ran, and what the browser's console said."""

    def __init__(self, page: Path, profile: Path) -> None:
        assert CHROMIUM is not None
        ended = subprocess.run(
            [
                CHROMIUM,
                *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--disable-sync", "--enable-logging=stderr", f"--user-data-dir={profile}"),
                *("--window-size=1200,900", "--dump-dom", page.as_uri()),
            ],
            capture_output=True,
            check=True,
            timeout=120,
        )
        self.root: html.HtmlElement = html.fromstring(ended.stdout.decode())
        lines = ended.stderr.decode(errors="replace").splitlines()
        self.console = [line for line in lines if "CONSOLE" in line]


def with_script(page: Path, script: str) -> Path:
    """A copy of the page that also runs a script of the test, allowed by its policy."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    content = page.read_text(encoding="utf-8")
    content = content.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    copy = page.with_name("copy.html")
    copy.write_text(content.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    return copy


def test_a_browser_shows_all_steps_and_nothing_hostile(
    phone_run: RunFolder, tmp_path: Path
) -> None:
    opened = Opened(write_report(phone_run), tmp_path / "profile")
    assert opened.root.get("data-steps") == "6"
    assert opened.root.xpath("string(//*[@id='position'])") == "Start (1 of 6)"
    assert len(opened.root.xpath("//article")) == 6
    assert opened.root.xpath("string(//title)").startswith("success: Find a tea house")
    assert len(opened.root.xpath("//script")) == 1
    assert not opened.root.xpath("//@onerror")
    assert opened.console == []


def test_arrow_keys_move_between_steps(phone_run: RunFolder, tmp_path: Path) -> None:
    script = """
    const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key }));
    for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"]) press(key);
    """
    opened = Opened(with_script(write_report(phone_run), script), tmp_path / "profile")
    (step,) = opened.root.xpath("//article[contains(@class,'current')]/@id")
    assert step == "step-1"
    assert opened.root.xpath("//a[@aria-current='step']/@data-step") == ["1"]


def test_pictures_are_really_drawn(phone_run: RunFolder, tmp_path: Path) -> None:
    script = """
    window.addEventListener("load", () => {
      const drawn = [...document.images].filter((image) => image.complete && image.naturalWidth);
      document.body.dataset.drawn = String(drawn.length);
    });
    """
    opened = Opened(with_script(write_report(phone_run), script), tmp_path / "profile")
    assert opened.root.xpath("//body/@data-drawn") == ["10"]


def test_the_policy_stops_a_script_that_slipped_in(phone_run: RunFolder, tmp_path: Path) -> None:
    page = write_report(phone_run)
    content = page.read_text(encoding="utf-8")
    page.write_text(
        content.replace("</body>", "<script>document.title = 'hacked'</script></body>"), "utf-8"
    )
    opened = Opened(page, tmp_path / "profile")
    assert opened.root.xpath("string(//title)").startswith("success")
    assert any("Content Security Policy" in line for line in opened.console)
