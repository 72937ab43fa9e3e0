"""Icon families from the npm registry as masks with the kinds that they show, for `icon_net.py`.

`npm pack` brings each family into a cache outside the repository, resvg (`pip install resvg-py`)
draws its files, and `icon_kinds.tsv` says which of their names mean which kind. A name that may
mean several things is written `FAMILY:NAME` there; under `-` stand names that say no kind for sure.
"""

import io
import json
import re
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["FAMILIES", "MASK_PX", "OTHER", "Family", "Glyphs", "kinds_by_name", "load_family"]

MASK_PX = 72
OTHER = "other"
"""What shows none of the kinds."""
_ICONIFY = "@iconify-json/"
"""Packages that hold all icons of a family in one file."""
_UNSURE = "-"
_MOST_OTHERS = 500
_EMPTY = np.zeros((MASK_PX, MASK_PX), dtype=np.uint8)
_KINDS = Path(__file__).with_name("icon_kinds.tsv")


@dataclass(frozen=True)
class Family:
    """One family of icons.

    Attributes:
        package: on npm, with its version.
        license: as the package names it.
        files: a pattern for those of its files, or in a package of Iconify for the names of those
            of its icons, that are used.
        style: what to cut off a file's name, so that icons that differ in style have one name.
        is_held_out: whether no net is trained on it.
    """

    package: str
    license: str
    files: str = ".*"
    style: str = "^$"
    is_held_out: bool = False


def _iconify(package: str, licence: str, style: str = "^$", files: str = ".*") -> Family:
    return Family(f"{_ICONIFY}{package}", licence, files, style)


FAMILIES: Mapping[str, Family] = {
    "mdi": Family("@mdi/svg@7.4.47", "Apache-2.0", r"svg/.*\.svg", "-outline(?=-|$)"),
    "material": Family("@material-design-icons/svg@0.14.15", "Apache-2.0", r"[a-z-]+/[^/]*\.svg"),
    "fluent": Family(
        "@fluentui/svg-icons@1.1.343",
        "MIT",
        r"icons/[^/]*_24_(filled|regular)\.svg",
        r"-\d+-(filled|regular)$",
    ),
    "bootstrap": Family("bootstrap-icons@1.13.2", "MIT", r"icons/.*\.svg", "-fill$"),
    "fa": Family("@fortawesome/fontawesome-free@7.3.1", "CC-BY-4.0", r"svgs/[a-z]+/.*\.svg"),
    "ion": Family("ionicons@8.1.0", "MIT", r"dist/svg/.*\.svg", "-(outline|sharp)$"),
    "remix": Family("remixicon@4.6.0", "Apache-2.0", r"icons/.*\.svg", "-(line|fill)$"),
    "solar": _iconify(
        "solar@1.2.13",
        "CC-BY-4.0",
        "-(bold|bold-duotone|broken|line-duotone|linear|outline)$",
    ),
    "hugeicons": _iconify("hugeicons@1.2.35", "MIT"),
    "iconoir": _iconify("iconoir@1.2.11", "MIT", "-solid$"),
    "mingcute": _iconify("mingcute@1.2.8", "Apache-2.0", "-(line|fill)$"),
    "carbon": _iconify("carbon@1.2.29", "Apache-2.0", "-filled$"),
    "heroicons": _iconify("heroicons@1.2.3", "MIT", "(-(16|20))?(-solid)?$"),
    "bx": _iconify("bx@1.2.3", "MIT", "^bxs-"),
    "bxs": _iconify("bxs@1.2.3", "MIT"),
    "octicon": _iconify("octicon@1.2.36", "MIT", r"(-fill)?-\d+$"),
    "codicon": _iconify("codicon@1.2.74", "CC-BY-4.0"),
    "eva": _iconify("eva@1.2.3", "MIT", "-(fill|outline)$"),
    "ant": _iconify("ant-design@1.2.9", "MIT", "-(filled|outlined)$", ".*-(filled|outlined)"),
    "majesticons": _iconify("majesticons@1.2.5", "MIT", "-line$"),
    "tdesign": _iconify("tdesign@1.2.19", "MIT", "-filled$"),
    "icon-park": _iconify("icon-park-outline@1.2.4", "Apache-2.0"),
    "icon-park-solid": _iconify("icon-park-solid@1.2.4", "Apache-2.0"),
    "iconamoon": _iconify("iconamoon@1.2.2", "CC-BY-4.0", "(-(bold|duotone|fill|light|thin))+$"),
    "basil": _iconify("basil@1.2.4", "CC-BY-4.0", "-(outline|solid)$"),
    "ci": _iconify("ci@1.2.2", "CC-BY-4.0"),
    "akar": _iconify("akar-icons@1.2.7", "MIT", "-fill$"),
    "mage": _iconify("mage@1.2.4", "Apache-2.0", "-fill$"),
    "stash": _iconify("stash@1.2.4", "MIT", "(-(duotone|light|solid))+$"),
    "uil": _iconify("uil@1.2.3", "Apache-2.0"),
    "lets": _iconify("lets-icons@1.2.2", "CC-BY-4.0", "(-(duotone|fill|light|line))+$"),
    "gravity": _iconify("gravity-ui@1.2.15", "MIT", "-fill$"),
    "pepicons-pencil": _iconify("pepicons-pencil@1.2.4", "CC-BY-4.0", "-filled$"),
    "pepicons-pop": _iconify("pepicons-pop@1.2.4", "CC-BY-4.0", "-filled$"),
    "teenyicons": _iconify("teenyicons@1.2.2", "MIT", "-(outline|solid)$"),
    "proicons": _iconify("proicons@1.2.20", "MIT"),
    "cil": _iconify("cil@1.2.3", "CC-BY-4.0"),
    "f7": _iconify("f7@1.2.2", "MIT", "-fill$"),
    "gg": _iconify("gg@1.2.2", "MIT"),
    "jam": _iconify("jam@1.2.3", "MIT", "-f$"),
    "sargam": _iconify("si@1.2.17", "MIT", "-(duotone|fill|line)$"),
    "humbleicons": _iconify("humbleicons@1.2.20", "MIT"),
    "system-uicons": _iconify("system-uicons@1.2.4", "Unlicense"),
    "clarity": _iconify("clarity@1.2.4", "MIT", "-(line|outline|solid)$"),
    "pajamas": _iconify("pajamas@1.2.15", "MIT"),
    "prime": _iconify("prime@1.2.5", "MIT", "-fill$"),
    "ep": _iconify("ep@1.2.4", "MIT", "-filled$"),
    "lucide": Family("lucide-static@1.62.0", "ISC", r"icons/.*\.svg", is_held_out=True),
    "tabler": Family("@tabler/icons@3.52.0", "MIT", r"icons/.*\.svg", is_held_out=True),
    "phosphor": Family(
        "@phosphor-icons/core@2.1.1",
        "MIT",
        r"assets/.*\.svg",
        "-(bold|duotone|fill|light|thin)$",
        is_held_out=True,
    ),
}


@dataclass(frozen=True)
class Glyphs:
    """The icons of a family that show a kind, or surely none.

    Attributes:
        names: of their files, without the style.
        kinds: what each shows, `OTHER` for none.
        masks: how much ink each pixel has, `[icons, MASK_PX, MASK_PX]` bytes.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    masks: np.ndarray


@cache
def kinds_by_name() -> Mapping[str, str]:
    """From a name, or `FAMILY:NAME`, to the kind; `-` for names that say none for sure."""
    rows = _KINDS.read_text(encoding="utf-8").splitlines()[1:]
    return {
        name: kind for kind, names in (row.split("\t") for row in rows) for name in names.split()
    }


def load_family(name: str, folder: Path) -> Glyphs:
    """The family's icons: drawn once, then read from the folder.

    Of icons that show no kind there are `_MOST_OTHERS` at most, spread over the alphabet.
    """
    family = FAMILIES[name]
    drawings = _drawings(family, _package(family, folder))
    stems = {path: re.sub(family.style, "", Path(path).stem.replace("_", "-")) for path in drawings}
    kinds = {path: _kind(name, stem) for path, stem in stems.items()}
    others = [path for path, kind in kinds.items() if kind == OTHER]
    kept = set(others[:: max(1, len(others) // _MOST_OTHERS)])
    chosen = [path for path, kind in kinds.items() if kind not in {None, OTHER} or path in kept]
    masks = _masks({path: drawings[path] for path in chosen}, folder / f"{name}.npz")
    chosen = [path for path in chosen if masks[path].any()]
    return Glyphs(
        tuple(stems[path] for path in chosen),
        tuple(kinds[path] or OTHER for path in chosen),
        np.stack([masks[path] for path in chosen]),
    )


def _kind(family: str, stem: str) -> str | None:
    """The kind, `OTHER`, or None where the name leaves it open."""
    known = kinds_by_name()
    kind = known.get(f"{family}:{stem}", known.get(stem))
    if kind is not None:
        return None if kind == _UNSURE else kind
    # "calendar-heart" shows a calendar too, "battery-50" a battery, whatever the table says.
    words = set(stem.split("-"))
    return None if words & _words_of_kinds() else OTHER


@cache
def _words_of_kinds() -> frozenset[str]:
    return frozenset(
        word
        for name in kinds_by_name()
        for word in name.rpartition(":")[2].split("-")
        if len(word) > 1
    )


def _package(family: Family, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / (re.sub(r"[@/]+", "-", family.package).strip("-") + ".tgz")
    if not file.exists():
        packed = subprocess.run(
            ["npm", "pack", "--silent", family.package],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        (folder / packed.stdout.strip().splitlines()[-1]).rename(file)
    return file


def _drawings(family: Family, package: Path) -> dict[str, str]:
    """The SVG of every icon of the family that is used, by its path or name."""
    with tarfile.open(package) as archive:
        if family.package.startswith(_ICONIFY):
            icons = json.loads(_content(archive, "package/icons.json"))
            drawings = {
                name: _svg({**icons, **icon}) for name, icon in sorted(icons["icons"].items())
            }
            return {name: svg for name, svg in drawings.items() if re.fullmatch(family.files, name)}
        pattern = re.compile(f"package/{family.files}")
        # In the order of the archive: to go back in it is to unpack it from the start.
        paths = [name for name in archive.getnames() if pattern.fullmatch(name)]
        return dict(sorted((path, _content(archive, path)) for path in paths))


def _content(archive: tarfile.TarFile, path: str) -> str:
    file = archive.extractfile(path)
    return file.read().decode("utf-8") if file else ""


def _svg(icon: Mapping[str, Any]) -> str:
    """The picture of an icon of Iconify, whose sides are 16 where nothing is said."""
    box = (icon.get("left", 0), icon.get("top", 0), icon.get("width", 16), icon.get("height", 16))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{" ".join(map(str, box))}">{icon["body"]}</svg>'
    )


def _masks(drawings: Mapping[str, str], kept: Path) -> dict[str, np.ndarray]:
    """The masks of these drawings, those not yet kept drawn and added."""
    masks: dict[str, np.ndarray] = {}
    if kept.exists():
        with np.load(kept) as file:
            masks = dict(zip(file["paths"].tolist(), file["masks"], strict=True))
    missing = [path for path in drawings if path not in masks]
    if missing:
        masks |= {path: _mask(drawings[path]) for path in missing}
        np.savez_compressed(kept, paths=list(masks), masks=np.stack(list(masks.values())))
    return masks


def _mask(svg: str) -> np.ndarray:
    """How much ink the picture has, cut to what is drawn; empty where nothing can be."""
    import resvg_py  # noqa: PLC0415 - only the first run draws

    try:
        png = resvg_py.svg_to_bytes(svg_string=svg, width=MASK_PX + 24)
    except (ValueError, RuntimeError):
        return _EMPTY
    ink = Image.open(io.BytesIO(bytes(png))).convert("RGBA").getchannel("A")
    found = ink.getbbox()
    if found is None:
        return _EMPTY
    ink = ink.crop(found)
    side = max(ink.size)
    square = Image.new("L", (side, side))
    square.paste(ink, ((side - ink.width) // 2, (side - ink.height) // 2))
    return np.asarray(square.resize((MASK_PX, MASK_PX), Image.Resampling.BOX))
