"""A screen recording as frames, and what of them says that somebody acted.

A recording is a folder of pictures in the order of their names, or a video file, which PyAV reads.
All frames are kept small and grey; some can be had whole.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from tapgraph.errors import ExtraMissing, UsageError
from tapgraph.tools.mobile.perception.weights import EXTRA

__all__ = ["FEATURES", "FRAME_SIZE", "Recording", "frame_features", "grey_frame", "read_recording"]

FRAME_SIZE = (48, 96)
"""Width and height of a small frame."""
_GRID = (3, 6)
FEATURES = 2 * _GRID[0] * _GRID[1] + 5
"""Changes and brightness by cells, and five numbers of the whole: change, part that changed,
vertical shift that explains most, how much it explains, and the strongest small spot of change."""
_MOST_FRAMES = 20_000
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
_CLOCK_S = 1e-6
_SHIFTS = range(-12, 13, 2)


@dataclass(frozen=True)
class Recording:
    """Frames `[frames, 96, 48]` from 0 to 1, how many there are in a second, and of what place."""

    frames: Tensor
    per_second: float
    place: Path

    def pictures(self, wanted: Collection[int]) -> Mapping[int, Image.Image]:
        """Some frames as they were recorded, by their numbers; the recording is read again.

        Raises:
            UsageError: it has changed since.
        """
        found = {
            number: picture.convert("RGB")
            for number, picture in enumerate(_pictures(self.place, self.per_second))
            if number in wanted
        }
        if len(found) < len(set(wanted)):
            raise UsageError(f"the recording {str(self.place)!r} has changed while it was read")
        return found


def grey_frame(picture: Image.Image, size: tuple[int, int] = FRAME_SIZE) -> Tensor:
    """The picture as a grey frame `[height, width]` of that width and height, from 0 to 1."""
    grey = picture.convert("L").resize(size, Image.Resampling.BOX)
    pixels = torch.frombuffer(bytearray(grey.tobytes()), dtype=torch.uint8)
    return pixels.view(size[1], size[0]) / 255


def read_recording(place: Path, *, per_second: float = 10.0) -> Recording:
    """The frames of a folder or a video; a folder does not know its speed, so that it is told.

    Raises:
        UsageError: there are no frames, too many, or one cannot be read.
        ExtraMissing: it is a video, and PyAV of the extra `vision` is not installed.
    """
    frames: list[Tensor] = []
    for picture in _pictures(place, per_second):
        frames.append(grey_frame(picture))
        if len(frames) > _MOST_FRAMES:
            raise UsageError(f"{str(place)!r} has more than {_MOST_FRAMES:,} frames; cut it")
    if len(frames) < 2:
        raise UsageError(f"{str(place)!r} holds no recording: {len(frames)} frames")
    return Recording(torch.stack(frames), per_second, place)


def frame_features(frames: Tensor) -> Tensor:
    """What changes from frame to frame: `[frames, FEATURES]`; the first frame changes nothing."""
    before = torch.cat([frames[:1], frames[:-1]])
    change = (frames - before).abs()
    cells = torch.nn.functional.adaptive_avg_pool2d(change[:, None], (_GRID[1], _GRID[0]))
    light = torch.nn.functional.adaptive_avg_pool2d(frames[:, None], (_GRID[1], _GRID[0]))
    plain = change.mean(dim=(1, 2))
    shifted = torch.stack([_shift_error(before, frames, shift) for shift in _SHIFTS])
    least, place = shifted.min(dim=0)
    shift = torch.tensor(list(_SHIFTS))[place] / max(_SHIFTS)
    explained = (plain - least) / plain.clamp_min(1e-3)
    spots = torch.nn.functional.avg_pool2d((frames - before)[:, None].abs(), 3, 1)
    spot = spots.amax(dim=(1, 2, 3)) - plain
    numbers = torch.stack([plain, (change > 0.1).float().mean(dim=(1, 2)), shift, explained, spot])
    return torch.cat([cells.flatten(1) * 4, light.flatten(1), numbers.T], dim=1)


def _shift_error(before: Tensor, now: Tensor, shift: int) -> Tensor:
    """How much changes where the frame before is moved up by so many rows: `[frames]`."""
    rows = before.shape[1]
    if shift >= 0:
        return (now[:, : rows - shift] - before[:, shift:]).abs().mean(dim=(1, 2))
    return (now[:, -shift:] - before[:, : rows + shift]).abs().mean(dim=(1, 2))


def _pictures(place: Path, per_second: float) -> Iterator[Image.Image]:
    return _folder(place) if place.is_dir() else _video(place, per_second)


def _folder(place: Path) -> Iterator[Image.Image]:
    files = sorted(one for one in place.iterdir() if one.suffix.lower() in _PICTURES)
    for file in files:
        try:
            with Image.open(file) as picture:
                picture.load()
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise UsageError(f"cannot read the frame {str(file)!r}: {error}") from error
        yield picture


def _video(place: Path, per_second: float) -> Iterator[Image.Image]:
    if not place.is_file():
        raise UsageError(f"there is no recording {str(place)!r}")
    try:
        # An optional library that only videos need.
        import av  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing(EXTRA, "reading a video") from error
    try:
        with av.open(str(place)) as container:
            yield from _at_times(container.decode(video=0), 1 / per_second)
    except (av.FFmpegError, IndexError) as error:
        raise UsageError(f"cannot read the video {str(place)!r}: {error}") from error


def _at_times(frames: Iterable[Any], step_s: float) -> Iterator[Image.Image]:
    """What a video shows every so many seconds: a phone writes no frame while nothing changes."""
    held, picture, due_s = None, None, 0.0
    for frame in frames:
        if frame.time is None:
            continue
        if held is None:
            due_s = frame.time
        while held is not None and due_s + _CLOCK_S < frame.time:
            picture = picture or held.to_image()
            yield picture
            due_s += step_s
        held, picture = frame, None
    if held is not None:
        yield held.to_image()
