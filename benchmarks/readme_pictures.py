"""The pictures of README: a run's report, and the phone.

    python benchmarks/readme_pictures.py

Runs `tapgraph demo plan_dinner`, opens its report in Chromium, and writes docs/images/*.webp.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lxml import html
from PIL import Image

IMAGES = Path(__file__).parents[1] / "docs" / "images"
TASK = "plan_dinner"
STEP_THAT_ASKS = 2
SCREENS = (1, 3, 7, 21)
WIDTH_PX, HEIGHT_PX = 1200, 1600
LARGEST_BYTES = 600_000
_BROWSER = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--hide-scrollbars", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)


def main() -> None:
    """Make the pictures and print their sizes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = _demonstrate(folder)
        screens = [run / "screens" / f"{number:04}.png" for number in SCREENS]
        written = [
            _write(_photograph(_shortened(run, folder), folder), IMAGES / "report.webp"),
            _write(_side_by_side(screens), IMAGES / "phone.webp"),
        ]
    if sum(written) > LARGEST_BYTES:
        raise SystemExit(f"together {sum(written)} bytes; at most {LARGEST_BYTES} are wanted")


def _demonstrate(folder: Path) -> Path:
    """The run folder."""
    run = folder / "run"
    subprocess.run(
        [sys.executable, "-m", "tapgraph", "demo", TASK, "--out", str(run)],
        env=os.environ | {"TAPGRAPH_HOME": str(folder / "home")},
        check=True,
    )
    return run


def _shortened(run: Path, folder: Path) -> Path:
    """The report with one of its steps, naming the memory as it would for a user."""
    page = (run / "report.html").read_text(encoding="utf-8")
    root: html.HtmlElement = html.fromstring(
        page.replace(str(folder / "home"), "~/.local/share/tapgraph")
    )
    for step in root.find_class("step"):
        if step.get("id") != f"step-{STEP_THAT_ASKS}":
            step.drop_tree()
    shortened = folder / "shortened.html"
    shortened.write_bytes(html.tostring(root, encoding="utf-8", doctype="<!doctype html>"))
    return shortened


def _photograph(page: Path, folder: Path) -> Image.Image:
    """The page as a browser shows it, from its top on."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise SystemExit("Chromium is needed: the package chromium")
    picture = folder / "page.png"
    subprocess.run(
        [
            browser,
            *_BROWSER,
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={WIDTH_PX},{HEIGHT_PX}",
            f"--screenshot={picture}",
            page.as_uri(),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    )
    return Image.open(picture).convert("RGB")


def _side_by_side(screens: Sequence[Path], *, width_px: int = 280, gap_px: int = 24) -> Image.Image:
    """Screens in a row, each of the given width."""
    opened = [Image.open(screen).convert("RGB") for screen in screens]
    height_px = round(width_px * opened[0].height / opened[0].width)
    row_px = len(opened) * (width_px + gap_px) + gap_px
    row = Image.new("RGB", (row_px, height_px + 2 * gap_px), "#eef1f5")
    for place, screen in enumerate(opened):
        small = screen.resize((width_px, height_px), Image.Resampling.LANCZOS)
        row.paste(small, (gap_px + place * (width_px + gap_px), gap_px))
    return row


def _write(picture: Image.Image, path: Path) -> int:
    """How many bytes the picture has as WebP."""
    picture.save(path, quality=84, method=6)
    size = path.stat().st_size
    print(f"{path.name} {picture.width}x{picture.height} {size} bytes")
    return size


if __name__ == "__main__":
    main()
