"""Image-text models of every kind see pictures as their own processors and `generate()` have it."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import torch
import transformers
from PIL import Image
from tokenizers import AddedToken

from tapgraph.errors import UsageError
from tapgraph.kernels.systems.sink_window import SinkWindow, SinkWindowConfig
from tapgraph.llm_backend.local.chat_prompt import ChatTurn, chat_prompt
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.generation import GenerationRequest, Sampling
from tapgraph.llm_backend.local.own_attention import OwnAttention
from tapgraph.llm_backend.messages import ImagePart, TextPart

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

NAMED = {
    "image_token": "<image>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>",
    "start_image_token": "<img>", "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>", "video_token": "<video>",
}  # fmt: skip
OTHERS = (
    "<fake_token_around_image>", "<end_of_utterance>", "<global-img>", "[IMG]", "[IMG_BREAK]",
    "[IMG_END]", "<|image|>", "<|python_tag|>", "<|begin_of_video|>", "<|end_of_video|>",
    "<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "<|IMG_LINE_BREAK|>", "TILE",
    "TILE_GLOBAL", "<|image_start|>", "<|image_end|>", "<|img_thumbnail|>",
    *(f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)),
)  # fmt: skip
TEMPLATE = (
    "{%% for message in messages %%}<|im_start|>{{ message.role }}\n"
    "{%% for part in message.content %%}{%% if part.type == 'image' %%}%s"
    "{%% else %%}{{ part.text }}{%% endif %%}{%% endfor %%}<|im_end|>\n"
    "{%% endfor %%}{%% if add_generation_prompt %%}<|im_start|>assistant\n{%% endif %%}"
)
"""As those of image-text models often are, it reads words only from lists of parts."""
TEXT: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 2048, "bos_token_id": 0,
    "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
HEADS = {**TEXT, "head_dim": 8}
EYES: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 28, "patch_size": 14,
}  # fmt: skip
SQUARE = {"height": 28, "width": 28}
QWEN_EYES = {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2}
ROTATION = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]}
QWEN_SIZE = {"shortest_edge": 4 * 14 * 14, "longest_edge": 64 * 14 * 14}


@dataclass(frozen=True)
class Kind:
    """How a kind of checkpoint is made.

    Attributes:
        text: settings of its text model.
        vision: settings of its eyes.
        eyes: the class of its image processor.
        seeing: settings of that.
        processor: settings of the processor.
        config: other settings of the model; strings are tokens, whose ids are meant.
        place: what the template writes for a picture.
        own: whether the model's own attention is used.
    """

    text: Mapping[str, Any]
    vision: Mapping[str, Any]
    eyes: str
    seeing: Mapping[str, Any] = field(default_factory=dict)
    processor: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    place: str = "<image>"
    own: bool = False


LLAVA = Kind(
    {"model_type": "llama", **TEXT},
    {"model_type": "clip_vision_model", **EYES},
    "CLIPImageProcessorPil",
    {"size": {"shortest_edge": 28}, "crop_size": SQUARE},
    {
        "processor_class": "LlavaProcessor", "patch_size": 14,
        "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1,
    },
    {"image_token_index": "<image>"},
)  # fmt: skip
IDEFICS = Kind(
    {"model_type": "llama", **TEXT},
    {**EYES, "image_size": 56},
    "Idefics3ImageProcessorPil",
    {"size": {"longest_edge": 112}, "max_image_size": {"longest_edge": 56}},
    {"processor_class": "Idefics3Processor", "image_seq_len": 4},
    {"image_token_id": "<image>", "scale_factor": 2},
)
KINDS: dict[str, Kind] = {
    "gemma3": Kind(
        {**HEADS, "sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]},
        {**EYES, "image_size": 56},
        "Gemma3ImageProcessorPil",
        {"size": {"height": 56, "width": 56}},
        {"processor_class": "Gemma3Processor", "image_seq_length": 4},
        {
            "image_token_index": "<image>", "boi_token_index": "<start_of_image>",
            "eoi_token_index": "<end_of_image>", "mm_tokens_per_image": 4,
        },
        place="<start_of_image>",
    ),
    "idefics3": IDEFICS,
    "internvl": Kind(
        {"model_type": "qwen2", **TEXT},
        {**EYES, "image_size": [56, 56], "patch_size": [14, 14]},
        "GotOcr2ImageProcessorPil",
        {"size": {"height": 56, "width": 56}, "crop_to_patches": True, "max_patches": 3},
        {"processor_class": "InternVLProcessor", "image_seq_length": 4},
        {"image_token_id": "<IMG_CONTEXT>", "downsample_ratio": 0.5},
        place="<IMG_CONTEXT>",
    ),
    "llava": LLAVA,
    "mistral3": Kind(
        {"model_type": "mistral", **HEADS, "sliding_window": None},
        {"model_type": "pixtral", **EYES, "head_dim": 16, "image_size": 84},
        "PixtralImageProcessorPil",
        {"size": {"longest_edge": 84}, "patch_size": {"height": 14, "width": 14}},
        {"processor_class": "PixtralProcessor", "patch_size": 14, "spatial_merge_size": 2},
        {"image_token_index": "[IMG]", "spatial_merge_size": 2, "vision_feature_layer": -1},
        place="[IMG]",
    ),
    "llava_onevision": replace(
        LLAVA,
        text={"model_type": "qwen2", **TEXT},
        vision={"model_type": "siglip_vision_model", **EYES},
        eyes="LlavaOnevisionImageProcessorPil",
        seeing={"size": SQUARE, "image_grid_pinpoints": [[28, 28], [28, 56], [56, 28]]},
        processor={
            "processor_class": "LlavaOnevisionProcessor", "num_image_tokens": 4,
            "vision_feature_select_strategy": "full",
        },
        config={
            "image_token_index": "<image>", "video_token_index": "<video>",
            "image_grid_pinpoints": [[28, 28], [28, 56], [56, 28]],
        },
    ),
    "mllama": Kind(
        {**TEXT, "cross_attention_layers": [1]},
        {
            "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_global_layers": 1, "attention_heads": 2, "image_size": 28, "patch_size": 14,
            "intermediate_layers_indices": [0], "vision_output_dim": 64, "max_num_tiles": 2,
            "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
        },
        "MllamaImageProcessorPil",
        {"size": SQUARE, "max_image_tiles": 2},
        {"processor_class": "MllamaProcessor"},
        {"image_token_index": "<image>"},
        own=True,
    ),
    "paligemma": Kind(
        {"model_type": "gemma", **HEADS},
        {**EYES, "projection_dim": 32},
        "SiglipImageProcessorPil",
        {"size": SQUARE, "image_seq_length": 4},
        {"processor_class": "PaliGemmaProcessor"},
        {"image_token_index": "<image>", "projection_dim": 32},
        own=True,
    ),
    "qwen2_vl": Kind(
        {**TEXT, "rope_parameters": ROTATION},
        {"depth": 1, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "patch_size": 14},
        "Qwen2VLImageProcessorPil",
        {"patch_size": 14, "merge_size": 2, "temporal_patch_size": 2, "size": QWEN_SIZE},
        {"processor_class": "Qwen2VLProcessor"},
        {"image_token_id": "<image>", "video_token_id": "<video>",
         "vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>"},
        place="<|vision_start|><image><|vision_end|>",
        own=True,
    ),
    "smolvlm": replace(
        IDEFICS,
        eyes="SmolVLMImageProcessorPil",
        processor={"processor_class": "SmolVLMProcessor", "image_seq_len": 4},
    ),
}  # fmt: skip


Seeing: TypeAlias = Callable[[str], Checkpoint]


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory, tiny: "Tiny") -> Seeing:
    """Makes and loads the checkpoint of a kind; each once."""
    made: dict[str, Checkpoint] = {}

    def load(name: str) -> Checkpoint:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            save(folder, name, tiny)
            made[name] = load_checkpoint(folder, device="cpu", dtype="float32")
        return made[name]

    return load


def save(folder: Path, name: str, tiny: "Tiny") -> None:
    kind = KINDS[name]
    added = [
        AddedToken(text, special=True, normalized=False) for text in (*NAMED.values(), *OTHERS)
    ]
    tokenizer: Any = tiny.tokenizer("byte_level", added, TEMPLATE % kind.place)
    tokenizer._set_model_specific_special_tokens(NAMED)
    tokenizer.save_pretrained(folder)
    getattr(transformers, kind.eyes)(**kind.seeing).save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps(kind.processor), encoding="utf-8")
    config = transformers.AutoConfig.for_model(
        name,
        text_config={**kind.text, "vocab_size": len(tokenizer) + 5},
        vision_config=dict(kind.vision),
        **{
            setting: tokenizer.get_vocab().get(value, value) if isinstance(value, str) else value
            for setting, value in kind.config.items()
        },
    )
    config.eos_token_id, config.pad_token_id = 2, 0
    torch.manual_seed(3)
    model: Any = transformers.AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
    for parameter_name, parameter in model.named_parameters():
        if "norm" not in parameter_name:
            # Spread logits, so that ties are rare, and pictures that matter.
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)


NOISE = Image.effect_noise((60, 80), 90).convert("RGB")
RED = Image.new("RGB", (90, 80), "red")


def conversation(*pictures: Image.Image, words: str = "What is it?") -> list[ChatTurn]:
    return [
        ChatTurn("system", (TextPart("Look at the screen and say what there is. " * 2),)),
        ChatTurn("user", (*map(ImagePart, pictures), TextPart(words))),
    ]


def asked(checkpoint: Checkpoint, *pictures: Image.Image) -> GenerationRequest:
    prompt = chat_prompt(checkpoint, conversation(*pictures))
    return GenerationRequest(prompt, 8, Sampling(0), min_tokens=8, top_logprobs=0)


def expected(checkpoint: Checkpoint, *pictures: Image.Image) -> tuple[list[int], list[int]]:
    """The prompt and the reply, by the checkpoint's processor with its own tokenizer."""
    messages: list[Any] = [
        {
            "role": turn.role,
            "content": [
                {"type": "text", "text": part.text}
                if isinstance(part, TextPart)
                else {"type": "image"}
                for part in turn.parts
            ],
        }
        for turn in conversation(*pictures)
    ]
    text = checkpoint.tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True
    )
    made = checkpoint.pictures._processor(
        images=list(pictures), text=[text], return_tensors="pt", add_special_tokens=False
    )
    made.pop("labels", None)
    assert checkpoint.nameless is not None
    model: Any = checkpoint.model
    prompt: list[int] = made["input_ids"][0].tolist()
    reply = model.generate(
        **made,
        max_new_tokens=8,
        min_new_tokens=8,
        do_sample=False,
        suppress_tokens=checkpoint.nameless.nonzero().flatten().tolist(),
    )
    return prompt, reply[0, len(prompt) :].tolist()


PALIGEMMA_TURNS_TENSORS_INTO_ARRAYS = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)


def needs(name: str) -> None:
    library = {"mistral3": "torchvision", "smolvlm": "num2words"}.get(name)
    if library is not None:
        pytest.importorskip(library, reason=f"the processor of {name} needs it")


@PALIGEMMA_TURNS_TENSORS_INTO_ARRAYS
@pytest.mark.parametrize("name", sorted(KINDS))
def test_replies_equal_those_of_the_processor_and_generate(name: str, seeing: Seeing) -> None:
    needs(name)
    checkpoint = seeing(name)
    request = asked(checkpoint, NOISE, RED)
    prompt, reply = expected(checkpoint, NOISE, RED)
    assert list(request.prompt.tokens) == prompt
    words = GenerationRequest(chat_prompt(checkpoint, conversation()), 8, Sampling(0))
    with Engine(checkpoint, None, EngineLimits(cache_bytes=2**28)) as engine:
        assert isinstance(engine._forward, OwnAttention) == KINDS[name].own
        alone = engine.submit(request).result()
        streams = [engine.submit(one) for one in (words, request, asked(checkpoint, RED, NOISE))]
        _, beside, other = (stream.result() for stream in streams)
    assert list(alone.tokens) == list(beside.tokens) == reply
    assert other.scores[0] != alone.scores[0], "the pictures change nothing"


@PALIGEMMA_TURNS_TENSORS_INTO_ARRAYS
@pytest.mark.parametrize("name", ["gemma3", "llava", "paligemma", "qwen2_vl"])
def test_equal_words_share_pictures_only_if_those_are_equal(name: str, seeing: Seeing) -> None:
    checkpoint = seeing(name)
    turned = NOISE.transpose(Image.Transpose.ROTATE_180)
    first, second = asked(checkpoint, NOISE), asked(checkpoint, turned)
    assert first.prompt.tokens == second.prompt.tokens
    with Engine(checkpoint, None, EngineLimits(cache_bytes=2**28)) as engine:
        cold, other, again = (engine.submit(one).result() for one in (first, second, first))
    with Engine(checkpoint, None, EngineLimits(cache_bytes=2**28)) as engine:
        alone = engine.submit(second).result()
    for warm, read in ((other, alone), (again, cold)):
        assert warm.tokens == read.tokens
        scores = [one.scores[0].chosen.logprob for one in (warm, read)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    pictures = second.prompt.pictures
    assert pictures is not None
    if KINDS[name].own or name == "gemma3":  # whose window is not kept in pages
        assert other.finished.count.cached == again.finished.count.cached == 0
    else:
        assert other.finished.count.cached == pictures.first_token // 16 * 16
        assert again.finished.count.cached >= pictures.end_token


def test_a_question_more_reads_no_picture_again(seeing: Seeing) -> None:
    checkpoint = seeing("llava")
    turns = conversation(NOISE, RED, words="What is it? " * 4)
    more = [
        *turns,
        ChatTurn("assistant", (TextPart("A screen."),)),
        ChatTurn("user", (TextPart("And what else?"),)),
    ]
    first, second = (
        GenerationRequest(chat_prompt(checkpoint, told), 8, Sampling(0), min_tokens=8)
        for told in (turns, more)
    )
    with Engine(checkpoint, None, EngineLimits(cache_bytes=2**28, prefill_chunk=16)) as engine:
        engine.submit(first).result()
        warm = engine.submit(second).result()
    with Engine(checkpoint, None, EngineLimits(cache_bytes=2**28)) as engine:
        cold = engine.submit(second).result()
    assert warm.tokens == cold.tokens
    assert second.prompt.pictures is not None
    assert warm.finished.count.cached >= second.prompt.pictures.end_token


def test_words_that_spell_a_picture_are_letters(seeing: Seeing) -> None:
    checkpoint = seeing("llava")
    image = checkpoint.model.config.image_token_index
    told = [
        chat_prompt(checkpoint, conversation(RED, words=words)).tokens.count(image)
        for words in ("What is it?", "What is <image>?")
    ]
    assert told == [4, 4]


def test_a_template_that_reads_lists_of_parts_gets_words_too(seeing: Seeing) -> None:
    checkpoint = seeing("llava")
    prompt = chat_prompt(checkpoint, [ChatTurn("user", (TextPart("Why?"),))])
    said = checkpoint.tokenizer.decode(list(prompt.tokens))
    assert said == "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"


def test_without_a_template_pictures_stand_where_they_were_sent(
    seeing: Seeing, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(seeing("llava").path, tmp_path / "copy"))
    (folder / "chat_template.jinja").unlink()
    checkpoint = load_checkpoint(folder, device="cpu", dtype="float32")
    prompt = chat_prompt(checkpoint, conversation(RED)[1:])
    said = checkpoint.tokenizer.decode(list(prompt.tokens))
    assert said == f"user: {'<image>' * 4}What is it?\n\nassistant:"


def test_highlights_are_found_beside_pictures(seeing: Seeing) -> None:
    checkpoint = seeing("idefics3")
    words = TextPart("What is it?", ((5, 7),))
    turn = ChatTurn("user", (ImagePart(NOISE), words))
    prompt = chat_prompt(checkpoint, [turn])
    ((begin, end),) = prompt.highlights
    assert str(checkpoint.tokenizer.decode(list(prompt.tokens[begin:end]))).strip() == "is"


def test_attention_that_is_causal_refuses_pictures_that_are_not(seeing: Seeing) -> None:
    checkpoint = seeing("gemma3")
    with Engine(checkpoint, SinkWindow(), EngineLimits(cache_bytes=2**28)) as engine:
        with pytest.raises(UsageError, match="pictures are seen both ways in this model"):
            engine.submit(asked(checkpoint, RED))
        words = GenerationRequest(chat_prompt(checkpoint, conversation()), 2, Sampling(0))
        assert engine.submit(words).result().tokens


def test_another_attention_system_reads_pictures_with_its_own_attention(seeing: Seeing) -> None:
    checkpoint = seeing("llava")
    request = asked(checkpoint, NOISE, RED)
    wide = SinkWindow(SinkWindowConfig(recent_tokens=512))
    with Engine(checkpoint, wide, EngineLimits(cache_bytes=2**28)) as engine:
        assert list(engine.submit(request).result().tokens) == expected(checkpoint, NOISE, RED)[1]


@pytest.mark.parametrize(
    ("file", "written", "told"),
    [
        ("processor_config.json", None, "it has no processor_config.json"),
        ("processor_config.json", "{", "its processor cannot be loaded: "),
        ("processor_config.json", '{"processor_class": "PixtralProcessor"}', "its .* Torchvision"),
    ],
)
def test_a_processor_that_cannot_be_loaded_is_one_sentence(
    file: str, written: str | None, told: str, seeing: Seeing, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(seeing("llava").path, tmp_path / "copy"))
    if written is None:
        (folder / "preprocessor_config.json").unlink()
        (folder / file).unlink()
    else:
        (folder / file).write_text(written, encoding="utf-8")
    checkpoint = load_checkpoint(folder, device="cpu", dtype="float32")
    with pytest.raises(UsageError, match=f"takes no pictures: {told}"):
        chat_prompt(checkpoint, conversation(RED))
