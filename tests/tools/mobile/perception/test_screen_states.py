"""The head for states on the shipped trunk: its sums by hand, odd pictures, and pages of `sim`."""

from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from tapgraph.errors import EnvironmentMissing
from tapgraph.tools.mobile.perception.icons import IconNamer, open_icon_namer
from tapgraph.tools.mobile.perception.screen_states import (
    StateSeer,
    open_state_seer,
    pooled,
    screen_picture,
    seen_by,
)
from tapgraph.tools.mobile.perception.weights import NetWeights, open_weights, save_weights
from tapgraph.tools.mobile.simulator.app import Dialog, DialogButton
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.phone import Phone

STATES = ("loading", "error")
SIDE_PX = 64
CELLS = 6
CHANNELS = 384


@pytest.fixture(scope="module")
def namer() -> IconNamer:
    return open_icon_namer()


def drawn(size: tuple[int, int] = (540, 1200)) -> Image.Image:
    page = Image.new("RGB", size, "white")
    side = min(size) // 2
    ImageDraw.Draw(page).ellipse((9, 9, side, side), fill="navy")
    return page


def head(namer: IconNamer, weight: torch.Tensor, thresholds: tuple[float, ...]) -> StateSeer:
    settings = {
        "states": STATES, "thresholds": thresholds, "side_px": SIDE_PX, "grid": [3, 2],
    }  # fmt: skip
    bias = torch.tensor([1.0, -2.0])
    return StateSeer(namer, NetWeights({"weight": weight, "bias": bias}, settings))


def test_pooled_features_are_the_mean_and_the_greatest_of_each_cell(namer: IconNamer) -> None:
    grey = screen_picture(drawn((480, 960)), SIDE_PX)
    assert grey is not None
    pixels = torch.tensor(list(grey.tobytes())).view(1, 1, grey.height, grey.width) / 255
    with torch.inference_mode():
        seen = namer.net.features(pixels)[0]
        found = pooled(namer.net.features(pixels), (2, 1))
    half = seen.shape[1] // 2
    halves = (seen[:, :half], seen[:, half:])
    means = torch.stack([part.mean((1, 2)) for part in halves], 1).flatten()
    greatest = torch.stack([part.amax((1, 2)) for part in halves], 1).flatten()
    torch.testing.assert_close(found, torch.cat([means, greatest]))


def test_shares_are_the_logistic_function_of_one_linear_layer(namer: IconNamer) -> None:
    weight = torch.zeros(2, 2 * CHANNELS * CELLS)
    weight[1] = 0.001
    grey = screen_picture(drawn(), SIDE_PX)
    assert grey is not None
    with torch.inference_mode():
        features = pooled(seen_by(namer.net, grey), (3, 2))
    expected = 1 / (1 + torch.exp(2.0 - 0.001 * features.sum()))
    loading, error = head(namer, weight, (0.5, 0.5)).shares(drawn())
    assert loading == pytest.approx(0.731059, abs=1e-5)
    assert error == pytest.approx(float(expected), abs=1e-5)


def test_what_is_below_its_threshold_is_not_told(namer: IconNamer) -> None:
    weight = torch.zeros(2, 2 * CHANNELS * CELLS)
    (only,) = head(namer, weight, (0.7, 0.7)).seen(drawn())
    assert only.state == "loading"
    assert only.confidence == pytest.approx(0.731059, abs=1e-5)
    assert head(namer, weight, (0.74, 2.0)).seen(drawn()) == ()


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGB", (40, 80), "white"),
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (1080, 2400), "black"),
        Image.new("L", (1080, 2400), 250),
    ],
)
def test_what_shows_no_screen_gets_no_state(namer: IconNamer, picture: Image.Image) -> None:
    weight = torch.zeros(2, 2 * CHANNELS * CELLS)
    assert head(namer, weight, (0.0, 0.0)).shares(picture) == (0.0, 0.0)
    assert open_state_seer().seen(picture) == ()


@pytest.mark.parametrize("size", [(4000, 9000), (100, 20_000), (20_000, 100), (2400, 1080)])
def test_a_screen_of_any_size_is_looked_at_in_few_pixels(size: tuple[int, int]) -> None:
    grey = screen_picture(drawn(size), SIDE_PX)
    assert grey is not None
    assert min(grey.size) == SIDE_PX
    assert max(grey.size) <= 3 * SIDE_PX
    assert len(open_state_seer().shares(drawn(size))) == len(open_state_seer().states)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_pictures_of_every_kind_are_looked_at(mode: str) -> None:
    assert len(open_state_seer().shares(drawn().convert(mode))) == len(open_state_seer().states)


def test_missing_weights_are_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match="what a screen looks like"):
        open_state_seer(tmp_path)


def test_a_head_is_refused_on_layers_that_it_was_not_trained_on(tmp_path: Path) -> None:
    states, icons = (open_weights(name, purpose="testing") for name in ("screen_states", "icons"))
    save_weights("screen_states", states.tensors, states.settings, folder=tmp_path)
    save_weights("icons", icons.tensors, icons.settings, folder=tmp_path)
    assert open_state_seer(tmp_path).states
    moved = {name: tensor + 0.01 for name, tensor in icons.tensors.items()}
    save_weights("icons", moved, icons.settings, folder=tmp_path)
    open_state_seer.cache_clear()
    with pytest.raises(EnvironmentMissing, match="needs the icon net that it was trained on"):
        open_state_seer(tmp_path)


def phone_in(state: str) -> Phone:
    """A phone with an app in front that was not trained on, in that state."""
    phone = build_phone(seed=5)
    phone.open_app("com.harborbank.mobile")
    page = phone.system.activities.front.top
    page.dialogs.clear()
    if state == "loading":
        page.loading_s = 60.0
    elif state == "error":
        page.lacks_network = True
    elif state == "dialog":
        ok = DialogButton("OK")
        dialog = Dialog(title="Delete this?", message="Then it is gone.", buttons=[ok])
        page.activity.app.show_dialog(dialog)
    phone.refresh()
    return phone


@pytest.mark.parametrize("state", ["loading", "error", "dialog"])
def test_a_page_of_each_state_is_told_and_a_plain_one_is_not(state: str) -> None:
    with phone_in(state) as phone, phone_in("plain") as plain:
        told = [one.state for one in open_state_seer().seen(phone.screenshot())]
        assert told == [state]
        assert state not in [one.state for one in open_state_seer().seen(plain.screenshot())]
