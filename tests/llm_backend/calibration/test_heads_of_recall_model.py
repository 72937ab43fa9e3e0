"""Both calibrations find the heads of the shipped model that look at what is asked for."""

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from tapgraph.evals.long_context.recall_checkpoint import RECALL_MODEL_PATH
from tapgraph.evals.long_context.recall_scoring import head_gaze
from tapgraph.evals.long_context.recall_tasks import RecallPrompt, recall_prompts
from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.systems.duo import Duo, DuoConfig
from tapgraph.kernels.systems.razor import Razor, RazorConfig
from tapgraph.llm_backend.calibration.calibration_file import Calibration
from tapgraph.llm_backend.calibration.duo_gates import DuoTraining, train_duo_gates
from tapgraph.llm_backend.calibration.passkeys import PasskeyData
from tapgraph.llm_backend.calibration.razor_heads import find_razor_heads
from tapgraph.llm_backend.local.systems import open_system

pytestmark = pytest.mark.slow

TRAINING = DuoTraining(steps=45, learning_rate=0.06, sink=4, recent=32, full_share=0.25)
PASSKEYS = PasskeyData(passkeys=4, words=8, shortest=192, longest=384)
LENGTH, SINK, WINDOW = 512, 4, 48
GAZE = 0.3
"""A head with at least this share of its attention on the gold is one that retrieves."""

Calibrations = Mapping[int, Calibration]


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    loaded = AutoModelForCausalLM.from_pretrained(RECALL_MODEL_PATH).eval()
    assert isinstance(loaded, LlamaForCausalLM)
    return loaded


@pytest.fixture(scope="module")
def razor(model: LlamaForCausalLM) -> Calibrations:
    tokenizer = AutoTokenizer.from_pretrained(RECALL_MODEL_PATH)
    return {seed: find_razor_heads(model, tokenizer, seed=seed) for seed in (0, 1)}


@pytest.fixture(scope="module")
def duo(model: LlamaForCausalLM) -> Calibrations:
    tokenizer = AutoTokenizer.from_pretrained(RECALL_MODEL_PATH)
    return {
        seed: train_duo_gates(model, tokenizer, seed=seed, training=TRAINING, data=PASSKEYS)
        for seed in (0, 1)
    }


@pytest.fixture(scope="module")
def retrieving(model: LlamaForCausalLM) -> Tensor:
    """KV heads, bool `[layers, kv_heads]`, with a query head that looks at the gold."""
    prompts = recall_prompts("multikey", length=LENGTH, count=12, seed=5)
    with torch.no_grad():
        gold = head_gaze(model, prompts).gold
    retrieving = (gold >= GAZE).view(4, 2, -1).any(dim=-1)
    assert retrieving.any()
    return retrieving


@pytest.fixture(scope="module")
def prompts() -> list[RecallPrompt]:
    """Their answers lie between the sink and the window."""
    drawn = recall_prompts("multikey", length=LENGTH, count=120, seed=9)
    inside = range(SINK, LENGTH - max(WINDOW, LENGTH // 5) - 16)
    return [prompt for prompt in drawn if prompt.gold_positions[0] in inside][:25]


def recall(model: LlamaForCausalLM, system: AttentionSystem, prompts: list[RecallPrompt]) -> float:
    """The share of prompts whose first answer token is right; the cue is read token by token."""
    right = 0
    with torch.no_grad(), use_attention(model, system) as attention:
        for prompt in prompts:
            cache = attention.new_cache()
            tokens = torch.tensor([prompt.token_ids])
            for part in (tokens[:, :-5], *tokens[:, -5:].T[:, None]):
                logits = model(
                    input_ids=part, past_key_values=cache, use_cache=True, logits_to_keep=1
                ).logits
            right += int(logits[0, -1].argmax()) == prompt.answer_ids[0]
    return right / len(prompts)


def test_razor_protects_every_head_that_retrieves(razor: Calibrations, retrieving: Tensor) -> None:
    for calibration in razor.values():
        protected = calibration.tensors["retrieval_heads"]
        assert (protected | ~retrieving).all()
        assert not protected.all()


def test_razor_finds_the_same_heads_with_another_seed(razor: Calibrations) -> None:
    one, other = (calibration.tensors["retrieval_heads"] for calibration in razor.values())
    assert (one & other).sum() / (one | other).sum() >= 0.5


def test_the_heads_that_retrieve_keep_their_gates(duo: Calibrations, retrieving: Tensor) -> None:
    for calibration in duo.values():
        gates = calibration.tensors["gates"]
        assert gates[retrieving].min() > 0.8
        assert gates.min() < 0.3
        assert (calibration.tensors["full_heads"] | ~retrieving).all()


def test_gates_of_another_seed_are_alike(duo: Calibrations) -> None:
    gates = torch.stack([calibration.tensors["gates"].flatten() for calibration in duo.values()])
    assert torch.corrcoef(gates)[0, 1] > 0.8


@pytest.mark.parametrize("name", ["razor", "duo"])
def test_the_found_heads_recall_and_the_others_do_not(
    name: str,
    model: LlamaForCausalLM,
    prompts: list[RecallPrompt],
    request: pytest.FixtureRequest,
) -> None:
    """Negative control: as many heads are kept, or more, but not those that were found."""
    systems: Mapping[str, Callable[[Tensor], AttentionSystem]] = {
        "razor": lambda heads: Razor(RazorConfig(SINK, WINDOW, compression=5.0), heads),
        "duo": lambda heads: Duo(DuoConfig(SINK, WINDOW, "strict"), heads),
    }
    tensor = {"razor": "retrieval_heads", "duo": "full_heads"}[name]
    found = request.getfixturevalue(name)[0].tensors[tensor]
    dense = recall(model, Dense(), prompts)
    assert dense >= 0.5
    assert recall(model, systems[name](found), prompts) >= 0.8 * dense
    assert recall(model, systems[name](~found), prompts) <= 0.3 * dense


@pytest.mark.parametrize("name", ["razor", "duo"])
def test_the_shipped_calibration_is_of_the_shipped_model(
    name: str, model: LlamaForCausalLM, retrieving: Tensor
) -> None:
    system = open_system(name, {}, model_path=RECALL_MODEL_PATH, model=model)
    assert isinstance(system, Duo | Razor)
    kept = system.full_heads if isinstance(system, Duo) else system.retrieval_heads
    assert (kept | ~retrieving).all()
    assert not kept.all()
