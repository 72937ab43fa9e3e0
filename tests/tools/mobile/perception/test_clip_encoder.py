"""A small CLIP checkpoint made here, with weights at random."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

from tapgraph.cli.main import main
from tapgraph.errors import UsageError
from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.perception.clip_encoder import ClipEncoder
from tapgraph.tools.mobile.perception.where_to_look import by_looks

SIDE = 32
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    vocabulary = {
        word: place for place, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])
    }
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[])
    ends = {
        "bos_token_id": vocabulary["<|startoftext|>"],
        "eos_token_id": vocabulary["<|endoftext|>"],
    }
    sizes = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    config = CLIPConfig(
        text_config={**sizes, **ends, "vocab_size": len(vocabulary), "max_position_embeddings": 12},
        vision_config={**sizes, "image_size": SIDE, "patch_size": 8},
        projection_dim=8,
    )
    torch.manual_seed(0)
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessor(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    ).save_pretrained(folder)
    return folder


def test_its_vectors_are_those_of_the_model(checkpoint: Path) -> None:
    encoder = ClipEncoder.open(checkpoint)
    model = CLIPModel.from_pretrained(checkpoint).eval()
    picture = Image.new("RGB", (SIDE, SIDE), "red")
    pixels = CLIPImageProcessor.from_pretrained(checkpoint)(images=[picture], return_tensors="pt")
    tokens = CLIPTokenizer.from_pretrained(checkpoint)(["red"], return_tensors="pt")
    with torch.inference_mode():
        whole = model(**pixels, **tokens)
    cosine = torch.nn.functional.cosine_similarity
    (seen,), read = encoder.embed_pictures([picture]), encoder.embed_text("red")
    assert float(cosine(torch.tensor(seen), whole.image_embeds[0], dim=0)) == pytest.approx(1.0)
    assert float(cosine(torch.tensor(read), whole.text_embeds[0], dim=0)) == pytest.approx(1.0)


def test_many_pictures_come_back_in_order_and_long_words_are_cut(checkpoint: Path) -> None:
    encoder = ClipEncoder.open(checkpoint)
    pictures = [Image.new("RGB", (40, 80), (shade, 0, 255 - shade)) for shade in range(0, 255, 14)]
    together = encoder.embed_pictures(pictures)
    alone = [encoder.embed_pictures([one])[0] for one in pictures]
    assert torch.allclose(torch.tensor(together), torch.tensor(alone), atol=1e-5)
    assert len(encoder.embed_text("a very long goal " * 30)) == 8


def test_it_tells_where_to_look(checkpoint: Path) -> None:
    picture = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(picture).rectangle((8, 8, 20, 20), fill="red")
    boxes = [Bounds(40, 40, 60, 60), Bounds(4, 4, 24, 24)]
    assert set(by_looks(picture, boxes, "red", ClipEncoder.open(checkpoint), looks=2)) == set(boxes)


def test_what_is_no_clip_checkpoint_is_one_sentence(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder of a CLIP checkpoint"):
        ClipEncoder.open(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', "utf-8")
    with pytest.raises(UsageError, match="holds a checkpoint of bert, not of CLIP"):
        ClipEncoder.open(tmp_path)
    (tmp_path / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    with pytest.raises(UsageError, match="cannot be read"):
        ClipEncoder.open(tmp_path)


def test_the_command_goes_by_looks_where_it_is_given_a_checkpoint(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "look.png"
    told = ["--encoder", str(checkpoint), "--out", str(out), "--json"]
    # No words on the screen are like these.
    assert main(["device", "look", "zebra", *told]) == 0
    left, top, right, bottom = json.loads(capsys.readouterr().out)["bounds"]
    assert (right - left, bottom - top) == (540, 1200)
    told[1] = str(tmp_path)
    assert main(["device", "look", "zebra", *told]) == 2
    assert "is no folder of a CLIP checkpoint" in capsys.readouterr().err
