"""The Gymnasium environment over simulated phones."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tapgraph.errors import ExtraMissing, UsageError
from tapgraph.tools.mobile.actions import Answer, OpenApp, Tap, action_to_wire
from tapgraph.tools.mobile.simulator import Phone, PhoneProfile, build_phone
from tapgraph.tools.mobile.simulator.apps.notes import NOTES_PACKAGE

if TYPE_CHECKING:
    from tapgraph.evals.phone.environment import PhoneEnv

OPEN_NOTES = action_to_wire(OpenApp("Notes"))


def test_missing_extra_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.delitem(sys.modules, "tapgraph.evals.phone.environment", raising=False)
    with pytest.raises(ExtraMissing, match=r"pip install 'tapgraph\[gym\]'"):
        importlib.import_module("tapgraph.evals.phone.environment")


def written_share(phone: Phone) -> float:
    """Half for Notes in front, all for a third note."""
    count = len(phone.database(NOTES_PACKAGE).execute("SELECT id FROM notes").fetchall())
    return 1.0 if count > 2 else 0.5 * (phone.foreground[0] == NOTES_PACKAGE)


MakeEnv = Callable[..., "PhoneEnv"]


@pytest.fixture
def make_env() -> Iterator[MakeEnv]:
    """Environments over forks of one phone; `score` and the rest as the environment takes them."""
    pytest.importorskip("gymnasium")
    from tapgraph.evals.phone.environment import Episode, PhoneEnv  # noqa: PLC0415 - an extra

    start, made = build_phone(), []

    def make(score: Callable[[Phone], float] = written_share, **settings: Any) -> PhoneEnv:
        made.append(
            PhoneEnv(lambda number: Episode(start.fork(), f"Task {number}", score), **settings)
        )
        return made[-1]

    yield make
    for env in made:
        env.close()
    start.close()


def test_environment_passes_the_check_of_gymnasium(make_env: MakeEnv) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    checker = importlib.import_module("gymnasium.utils.env_checker")
    gymnasium.register("tapgraph/Phone-v0", entry_point=make_env)
    env = gymnasium.make("tapgraph/Phone-v0", render_mode="rgb_array")
    checker.check_env(env.unwrapped)


def test_observation_has_text_tree_and_picture(make_env: MakeEnv) -> None:
    env = make_env()
    observation, info = env.reset(options={"task": 7})
    assert '"Notes"' in observation["text"]
    assert observation["tree"].startswith("<?xml")
    assert (observation["picture"].shape, observation["picture"].dtype) == (
        (2400, 1080, 3),
        "uint8",
    )
    assert info == {"instruction": "Task 7", "score": 0.0}


def test_reward_is_what_a_step_adds_to_the_score(make_env: MakeEnv) -> None:
    env = make_env()
    env.reset(seed=1)
    assert env.step(OPEN_NOTES)[1:3] == (0.5, False)
    assert env.step({"name": "Home"})[1:3] == (-0.5, False)


def test_episode_terminates_when_the_score_is_full(make_env: MakeEnv) -> None:
    env = make_env(lambda phone: float(phone.foreground[0] == NOTES_PACKAGE))
    env.reset(seed=1)
    _, reward, terminated, truncated, _ = env.step(json.dumps(OPEN_NOTES))
    assert (reward, terminated, truncated) == (1.0, True, False)


def test_answer_terminates_and_is_told(make_env: MakeEnv) -> None:
    env = make_env()
    env.reset(seed=1)
    _, _, terminated, _, info = env.step(action_to_wire(Answer("42")))
    assert (terminated, info["answer"]) == (True, "42")


def test_episode_is_truncated_after_its_steps(make_env: MakeEnv) -> None:
    env = make_env(max_steps=2)
    env.reset(seed=1)
    assert [env.step({"name": "Home"})[3] for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    "action",
    [
        "no JSON",
        "[]",
        "[" * 9_000,
        "[" * 10_001,
        '{"name": "Fly"}',
        '{"name": "Tap", "arguments": {"x": 1e999, "y": 1}}',
        '{"name": "Tap", "arguments": {"x": NaN, "y": 1}}',
        action_to_wire(Tap(5000, 5)),
        {"name": "Type", "arguments": {"text": "no field has the focus"}},
    ],
)
def test_action_that_cannot_be_done_is_told_and_changes_nothing(
    make_env: MakeEnv, action: str | dict[str, object]
) -> None:
    env = make_env()
    before, _ = env.reset(seed=1)
    after, reward, terminated, _, info = env.step(action)
    assert info["error"]
    assert (reward, terminated) == (0.0, False)
    assert after["tree"] == before["tree"]


def test_same_seed_gives_the_same_episode(make_env: MakeEnv) -> None:
    env = make_env()
    told = [env.reset(seed=seed)[1]["instruction"] for seed in (4, 4, 5)]
    assert told[0] == told[1] != told[2]


def test_next_reset_closes_the_phone_before(make_env: MakeEnv) -> None:
    phones: list[Phone] = []

    def score(phone: Phone) -> float:
        phones.append(phone)
        return 0.0

    env = make_env(score)
    env.reset(seed=1)
    env.reset(seed=2)
    with pytest.raises(Exception, match="closed database"):
        phones[0].database(NOTES_PACKAGE).execute("SELECT 1")


def test_step_before_reset_is_refused(make_env: MakeEnv) -> None:
    with pytest.raises(UsageError, match="call reset"):
        make_env().step({"name": "Home"})


def test_phone_on_its_side_is_refused(make_env: MakeEnv) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    assert gymnasium
    from tapgraph.evals.phone.environment import Episode, PhoneEnv  # noqa: PLC0415 - an extra

    phone = build_phone()
    phone.rotate(1)
    env = PhoneEnv(lambda number: Episode(phone, "", written_share))
    with pytest.raises(UsageError, match="got 2400x1080"):
        env.reset()
    env.close()


def test_picture_has_the_size_of_the_profile() -> None:
    pytest.importorskip("gymnasium")
    from tapgraph.evals.phone.environment import Episode, PhoneEnv  # noqa: PLC0415 - an extra

    profile = PhoneProfile.parse("small,dark,de")
    start = build_phone(profile=profile)
    env = PhoneEnv(lambda number: Episode(start.fork(), "", written_share), profile=profile)
    observed, _ = env.reset(seed=1)
    assert observed["picture"].shape == (1280, 720, 3)
    assert env.observation_space.contains(observed)
    env.close()
    start.close()
