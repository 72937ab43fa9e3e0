"""Text in Roboto and symbols of the Material Design icon font: measured, broken into lines, drawn.

Both fonts come as Python packages, so that a screen looks the same on every machine. Roboto has no
emoji; an emoji is drawn as the icon that comes nearest, any other unknown character as a square.
"""

import importlib.resources
import io
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from fonticon_mdi7 import MDI7
from PIL import Image, ImageDraw, ImageFont

__all__ = [
    "Mask",
    "glyph_mask",
    "line_height_px",
    "text_mask",
    "text_width_px",
    "wrapped",
]

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_LINE_HEIGHT = 1.3
_EMOJI_ICONS = (
    ("HEART", "heart"),
    ("CROSS MARK", "close-thick"),
    ("CHECK", "check-bold"),
    ("STAR", "star"),
    ("FIRE", "fire"),
    ("THUMBS UP", "thumb-up"),
    ("THUMBS DOWN", "thumb-down"),
    ("CAKE", "cake-variant"),
    ("BREAD", "bread-slice"),
    ("CROISSANT", "food-croissant"),
    ("COFFEE", "coffee"),
    ("HOT BEVERAGE", "coffee"),
    ("PIZZA", "pizza"),
    ("FOLDER", "folder"),
    ("CAMERA", "camera"),
    ("MUSIC", "music"),
    ("HEADPHONE", "headphones"),
    ("PALETTE", "palette"),
    ("PAINT", "brush"),
    ("PUSHPIN", "map-marker"),
    ("SUN", "white-balance-sunny"),
    ("ROCKET", "rocket-launch"),
    ("PARTY", "party-popper"),
    ("SPARKLES", "creation"),
    ("WAVING HAND", "hand-wave"),
    ("TREE", "tree"),
    ("CAT", "cat"),
    ("DOG", "dog"),
    ("CAR", "car"),
    ("AIRPLANE", "airplane"),
    ("CRYING", "emoticon-cry-outline"),
    ("TEARS OF JOY", "emoticon-lol-outline"),
    ("FACE", "emoticon-happy-outline"),
)
_INVISIBLE = frozenset({"Mn", "Cf", "Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Mask:
    """Coverage of some ink; `x` and `y` lead from the pen on the baseline to its top left."""

    image: Image.Image
    x: int
    y: int


@cache
def _roboto(size_px: int, bold: bool) -> ImageFont.FreeTypeFont:
    name = "Roboto-Medium.ttf" if bold else "Roboto-Regular.ttf"
    return _font("font_roboto", f"files/{name}", size_px)


@cache
def _icons(size_px: int) -> ImageFont.FreeTypeFont:
    return _font("fonticon_mdi7", "fonts/materialdesignicons-webfont.ttf", size_px)


def _font(package: str, path: str, size_px: int) -> ImageFont.FreeTypeFont:
    # BASIC gives the same advances whether or not libraqm is installed.
    return ImageFont.truetype(
        io.BytesIO(_font_file(package, path)), size_px, layout_engine=ImageFont.Layout.BASIC
    )


@cache
def _font_file(package: str, path: str) -> bytes:
    return importlib.resources.files(package).joinpath(path).read_bytes()


@lru_cache(maxsize=4096)
def _glyph_character(name: str) -> str:
    found = vars(MDI7).get(name.replace("-", "_"))
    if found is None:
        raise ValueError(f"the icon font has no icon {name!r}; see pictogrammers.com/library/mdi")
    return str(found).rpartition(".")[2]


@lru_cache(maxsize=4096)
def glyph_mask(name: str, size_px: int) -> Mask:
    """An icon inside a square of `size_px`; its pen is the square's top left corner.

    Raises:
        ValueError: the icon font has no such icon.
    """
    image = Image.new("L", (size_px, size_px))
    ImageDraw.Draw(image).text(
        (size_px / 2, size_px / 2),
        _glyph_character(name),
        fill=255,
        font=_icons(size_px),
        anchor="mm",
    )
    return Mask(image, 0, 0)


def line_height_px(size_px: int) -> int:
    """The distance of two baselines."""
    return round(size_px * _LINE_HEIGHT)


@lru_cache(maxsize=8192)
def _known(character: str) -> bool:
    if character.isascii():
        return True
    font = _roboto(32, bold=False)
    missing = "\uffff"
    return font.getbbox(character) != font.getbbox(missing) or bytes(
        font.getmask(character)
    ) != bytes(font.getmask(missing))


@lru_cache(maxsize=8192)
def _substitute(character: str) -> str:
    """The icon to draw for a character that Roboto lacks, empty for one without ink."""
    if unicodedata.category(character) in _INVISIBLE or "\U0001f3fb" <= character <= "\U0001f3ff":
        return ""
    name = unicodedata.name(character, "")
    for word, icon in _EMOJI_ICONS:
        if word in name:
            return icon
    return "emoticon-outline" if ord(character) >= 0x1F000 else "square-outline"


def _pieces(text: str) -> list[tuple[str, bool]]:
    """Runs that Roboto can draw (true) and single characters that it cannot (false)."""
    pieces: list[tuple[str, bool]] = []
    for character in unicodedata.normalize("NFC", text):
        known = _known(character)
        if known and pieces and pieces[-1][1]:
            pieces[-1] = (pieces[-1][0] + character, True)
        else:
            pieces.append((character, known))
    return pieces


def _one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", " ")


@lru_cache(maxsize=32768)
def text_width_px(text: str, size_px: int, *, bold: bool = False) -> float:
    """How far the pen moves for one line of text; a line break counts as a space."""
    text = _one_line(text)
    font = _roboto(size_px, bold)
    if text.isascii():
        return font.getlength(text)
    return sum(
        font.getlength(piece) if known else (size_px * 1.15 if _substitute(piece) else 0)
        for piece, known in _pieces(text)
    )


@lru_cache(maxsize=4096)
def text_mask(text: str, size_px: int, *, bold: bool = False) -> Mask:
    """One line of text; a line break is drawn as a space."""
    text = _one_line(text)
    font = _roboto(size_px, bold)
    if text.isascii():
        left, top, right, bottom = (round(edge) for edge in font.getbbox(text, anchor="ls"))
        image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
        ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=font, anchor="ls")
        return Mask(image, left, top)
    width = max(1, round(text_width_px(text, size_px, bold=bold)) + 2)
    top = -round(size_px * 1.1)
    image = Image.new("L", (width, round(size_px * 1.5)))
    draw = ImageDraw.Draw(image)
    pen = 0.0
    for piece, known in _pieces(text):
        if known:
            draw.text((round(pen), -top), piece, fill=255, font=font, anchor="ls")
            pen += font.getlength(piece)
        elif icon := _substitute(piece):
            glyph = glyph_mask(icon, round(size_px * 1.1))
            image.paste(glyph.image, (round(pen), -top - round(size_px * 0.95)))
            pen += size_px * 1.15
    return Mask(image, 0, top)


@lru_cache(maxsize=16384)
def wrapped(
    text: str, size_px: int, width_px: int | None, *, bold: bool = False, max_lines: int = 0
) -> tuple[str, ...]:
    """The lines of a text that may be `width_px` wide.

    Words that are too long are broken. `None` breaks at newlines only. With `max_lines`, what does
    not fit is cut and ends with an ellipsis.
    """
    lines: list[str] = []
    for paragraph in text.replace("\t", "    ").splitlines() or [""]:
        lines.extend(_broken(paragraph, size_px, width_px, bold=bold))
        if max_lines and len(lines) > max_lines:
            break
    if max_lines and len(lines) > max_lines:
        rest = " ".join(lines[max_lines - 1 : max_lines + 1])
        lines = [*lines[: max_lines - 1], _cut(rest + _ELLIPSIS, size_px, width_px, bold=bold)]
    return tuple(lines)


def _broken(paragraph: str, size_px: int, width_px: int | None, *, bold: bool) -> list[str]:
    if width_px is None or text_width_px(paragraph, size_px, bold=bold) <= width_px:
        return [paragraph]
    lines: list[str] = []
    line = ""
    for word in paragraph.split(" "):
        candidate = f"{line} {word}" if line else word
        if text_width_px(candidate, size_px, bold=bold) <= width_px:
            line = candidate
            continue
        if line:
            lines.append(line)
        *full, line = _chopped(word, size_px, width_px, bold=bold)
        lines.extend(full)
    lines.append(line)
    return lines


def _chopped(word: str, size_px: int, width_px: int, *, bold: bool) -> list[str]:
    """A word in pieces that fit, at least one character each."""
    if text_width_px(word, size_px, bold=bold) <= width_px:
        return [word]
    pieces = [""]
    for character in word:
        longer = pieces[-1] + character
        if pieces[-1] and text_width_px(longer, size_px, bold=bold) > width_px:
            pieces.append(character)
        else:
            pieces[-1] = longer
    return pieces


def _cut(line: str, size_px: int, width_px: int | None, *, bold: bool) -> str:
    if width_px is None:
        return line
    while len(line) > 1 and text_width_px(line, size_px, bold=bold) > width_px:
        line = line[:-2].rstrip() + _ELLIPSIS
    return line
