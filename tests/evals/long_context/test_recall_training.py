from pathlib import Path

import torch

from tapgraph.evals.long_context.recall_checkpoint import HEADS, new_model
from tapgraph.evals.long_context.recall_start import wire_landmarks
from tapgraph.evals.long_context.recall_training import LANDMARK_STAGES, Recipe, train
from tapgraph.evals.long_context.recall_vocabulary import NAMES, TOKENS, encode
from tapgraph.kernels.systems.landmark import Landmark
from tapgraph.kernels.systems.landmark_softmax import insert_landmarks
from tapgraph.llm_backend.calibration.landmark_training import full_landmark_attention
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.systems import open_system

LANDMARK_ID = TOKENS.index("<landmark>")
BLOCK = 8


def test_a_recipe_with_landmarks_leaves_a_checkpoint_for_landmark_attention(
    tmp_path: Path,
) -> None:
    recipe = Recipe(block=BLOCK, tokens=100, tokens_per_step=100)
    first = train(tmp_path, recipe).model.embed_tokens.weight.detach().clone()
    checkpoint = load_checkpoint(tmp_path, device="cpu")
    system = open_system("landmark", {}, model_path=tmp_path, model=checkpoint.model)
    assert isinstance(system, Landmark)
    longest = max(LANDMARK_STAGES[0].lengths)
    assert system.config.block == BLOCK
    assert system.config.dense_below == longest + (longest - 1) // BLOCK
    again = train(tmp_path, Recipe(block=BLOCK, tokens=100, tokens_per_step=100))
    assert torch.equal(again.model.embed_tokens.weight, first)


def test_a_landmark_begins_as_the_sum_of_what_its_block_has_fetched() -> None:
    model = new_model(0, layers=3, kv_heads=HEADS)
    wire_landmarks(model, landmark_id=LANDMARK_ID, seed=0)
    text = encode(" ".join(NAMES[: 2 * BLOCK]))
    others = encode(" ".join(NAMES[50 : 50 + BLOCK]))
    marked = insert_landmarks(torch.tensor([text]), block=BLOCK, landmark_id=LANDMARK_ID)
    with torch.no_grad(), full_landmark_attention(model, block=BLOCK):
        slots, apart = (
            model.model(input_ids=ids, use_cache=False, output_hidden_states=True).hidden_states[2]
            for ids in (marked.token_ids, torch.tensor([others]))
        )
    landmark = slots[0, BLOCK]
    # The first tokens of a text have fewer before them.
    own = torch.cosine_similarity(slots[0, 3:BLOCK], landmark, dim=-1)
    foreign = torch.cosine_similarity(apart[0, 3:], landmark, dim=-1)
    assert own.mean() > foreign.mean() + 0.1
