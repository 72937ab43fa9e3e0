from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from PIL import Image

from tapgraph.errors import UsageError
from tapgraph.tools.mobile.perception.recording import FEATURES, frame_features, read_recording
from tapgraph.tools.mobile.perception.segmenter import segments_from


def write_frames(folder: Path, greys: list[int]) -> None:
    for number, grey in enumerate(greys):
        Image.new("RGB", (108, 240), (grey, grey, grey)).save(folder / f"{number:03}.png")


def test_a_folder_of_pictures_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    write_frames(tmp_path, [0, 255, 51])
    (tmp_path / "notes.txt").write_text("no frame", "utf-8")
    recording = read_recording(tmp_path)
    assert recording.frames.shape == (3, 96, 48)
    assert recording.frames.mean(dim=(1, 2)) == pytest.approx(torch.tensor([0.0, 1.0, 0.2]))


def write_video(file: Path, frames: Sequence[tuple[int, float]]) -> None:
    """A video of grey frames, each from its second on."""
    av = pytest.importorskip("av", reason="PyAV of the extra 'vision' is not installed")
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 192, "yuv420p"
        for grey, at_s in frames:
            frame = av.VideoFrame.from_image(Image.new("RGB", (96, 192), (grey, grey, grey)))
            frame.pts, frame.time_base = round(30 * at_s), Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_video_is_read_at_even_times_also_where_it_has_no_frame(tmp_path: Path) -> None:
    # Thirty frames a second, then none for half a second: nothing changes on the screen.
    moving = [(20 * number, number / 30) for number in range(10)]
    write_video(tmp_path / "film.mp4", [*moving, (250, 0.8)])
    recording = read_recording(tmp_path / "film.mp4")
    greys = [round(255 * float(frame.mean())) for frame in recording.frames]
    assert greys == pytest.approx([0, 60, 120, *[180] * 5, 250], abs=6)
    whole = recording.pictures([0, 5])
    assert {number: one.size for number, one in whole.items()} == {0: (96, 192), 5: (96, 192)}


def test_what_is_no_video_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="PyAV of the extra 'vision' is not installed")
    (tmp_path / "film.mp4").write_bytes(b"no video")
    with pytest.raises(UsageError, match="cannot read the video"):
        read_recording(tmp_path / "film.mp4")


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recording"):
        read_recording(tmp_path)
    with pytest.raises(UsageError, match="there is no recording"):
        read_recording(tmp_path / "film.mp4")
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match="cannot read the frame"):
        read_recording(tmp_path)


def test_features_tell_a_scroll_from_a_new_page() -> None:
    torch.manual_seed(0)
    page = torch.rand(96, 48)
    scrolled = torch.cat([page[10:], torch.rand(10, 48)])
    features = frame_features(torch.stack([page, scrolled, torch.rand(96, 48)]))
    assert features.shape == (3, FEATURES)
    assert features[0, -5] == 0
    shift, explained = features[:, -3], features[:, -2]
    assert shift[1] == pytest.approx(10 / 12)
    assert explained[1] > 0.8 > 0.3 > explained[2]


def test_segments_go_from_a_peak_of_beginnings_to_one_of_ends() -> None:
    bounds = torch.zeros(2, 30)
    bounds[0, 4], bounds[0, 15], bounds[0, 25] = 0.9, 0.8, 0.1
    bounds[1, 9] = 0.7
    semantics = torch.zeros(6, 30)
    semantics[1, :12], semantics[4, 12:] = 0.6, 0.5
    found = segments_from(bounds, semantics)
    assert [(one.start, one.end, one.kind) for one in found] == [(4, 9, "scroll"), (15, 30, "back")]
    assert found[0].score == pytest.approx(0.9 * 0.6)
