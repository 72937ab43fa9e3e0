"""Every icon of real screens with the name that it gets: a picture of all crops, and a table.

    python benchmarks/icon_sheet.py --screens FOLDER --out sheet.png --json icon_sheet.json

FOLDER holds pictures of screens, beside each its hierarchy (`NAME.png`, `NAME.xml`). Looked at are
all elements without words, and the places in `icon_real_boxes.tsv`, which says what they show (`-`
for none of the kinds). The pictures are other people's, so the sheet is made
here and not published.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.perception.icons import can_be_icon, open_icon_namer
from tapgraph.tools.mobile.screen import SeenIcon
from tapgraph.tools.mobile.tree_elements import elements_from_tree
from tapgraph.tools.mobile.ui_tree import parse_ui_tree

_BOXES = Path(__file__).with_name("icon_real_boxes.tsv")
_ACROSS, _CELL, _LABEL = 10, 110, 46


@dataclass(frozen=True)
class Crop:
    """A part of a screen, and what it shows; None where nobody has looked."""

    screen: str
    picture: Image.Image
    shows: str | None


def crops_without_words(folder: Path) -> Iterator[Crop]:
    """What an agent that names icons would look at."""
    for file in sorted(folder.glob("*.png")):
        picture = Image.open(file).convert("RGB")
        tree = parse_ui_tree(file.with_suffix(".xml").read_bytes())
        for element in elements_from_tree(tree, Size(*picture.size)):
            if can_be_icon(element, picture):
                yield Crop(file.stem, _cut(picture, element.bounds), None)


def labelled_crops(folder: Path) -> Iterator[Crop]:
    """The places of the table."""
    for row in _BOXES.read_text(encoding="utf-8").splitlines()[1:]:
        name, shows, x, y, side = row.split("\t")
        picture = Image.open(folder / f"{name}.png").convert("RGB")
        half = int(side) // 2
        bounds = Bounds(int(x) - half, int(y) - half, int(x) + half, int(y) + half)
        yield Crop(name, _cut(picture, bounds), shows)


def sheet(crops: Sequence[Crop], told: Sequence[str]) -> Image.Image:
    """All crops with two lines under each: what it shows, and what is told."""
    rows = -(-len(crops) // _ACROSS)
    page = Image.new("RGB", (_ACROSS * _CELL, rows * (_CELL + _LABEL)), "white")
    draw = ImageDraw.Draw(page)
    for place, (crop, words) in enumerate(zip(crops, told, strict=True)):
        left, top = place % _ACROSS * _CELL, place // _ACROSS * (_CELL + _LABEL)
        page.paste(crop.picture.resize((_CELL - 10, _CELL - 10)), (left + 5, top + 5))
        lines = f"{place}: {crop.shows or 'element'}\n{words}"
        draw.multiline_text((left + 5, top + _CELL), lines, fill="black", font_size=12)
    return page


def _cut(picture: Image.Image, bounds: Bounds) -> Image.Image:
    return picture.crop((bounds.left, bounds.top, bounds.right, bounds.bottom))


def _words(icon: SeenIcon | None, threshold: float) -> str:
    if icon is None:
        return "none"
    told = f"{icon.kind} {icon.confidence:.2f}"
    return told if icon.confidence >= threshold else f"({told})"


def main() -> None:
    """Name all crops, draw the sheet, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screens", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    namer = open_icon_namer()
    crops = [*crops_without_words(given.screens), *labelled_crops(given.screens)]
    icons = namer.best([crop.picture for crop in crops])
    told = [_words(icon, namer.threshold) for icon in icons]
    sheet(crops, told).save(given.out)
    seen = [(one.shows, icon) for one, icon in zip(crops, icons, strict=True) if one.shows]
    shown = [
        (shows, icon.kind)
        for shows, icon in seen
        if icon is not None and icon.confidence >= namer.threshold
    ]
    kinds = [(shows, icon) for shows, icon in seen if shows != "-"]
    result = {
        "command": "python benchmarks/icon_sheet.py",
        "places": len(seen),
        "of_a_kind": len(kinds),
        "right_first": sum(icon is not None and icon.kind == shows for shows, icon in kinds),
        "shown": len(shown),
        "shown_right": sum(shows == kind for shows, kind in shown),
        "shown_wrong": sum(shows not in {kind, "-"} for shows, kind in shown),
        "shown_of_none": sum(shows == "-" for shows, _ in shown),
        "elements_without_words": len(crops) - len(seen),
        "told": [
            {"screen": crop.screen, "shows": crop.shows, "told": words}
            for crop, words in zip(crops, told, strict=True)
        ],
    }
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print({name: value for name, value in result.items() if name != "told"})


if __name__ == "__main__":
    main()
