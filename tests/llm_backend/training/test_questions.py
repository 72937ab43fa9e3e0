import pytest

from tapgraph.errors import UsageError
from tapgraph.llm_backend.training.questions import Countdown, Recall


@pytest.mark.parametrize("numbers", [2, 3, 4, 5])
def test_the_way_a_countdown_was_made_solves_it(numbers: int) -> None:
    countdown = Countdown(numbers)
    for seed in range(200):
        assert countdown.score(seed, countdown.solution(seed)) == 1, countdown.question(seed)


def test_numbers_between_stay_in_range() -> None:
    countdown = Countdown(4, largest=9, highest=30)
    for seed in range(200):
        results = [int(part.split("=")[1]) for part in countdown.solution(seed).split(",")]
        assert all(0 <= result <= 30 for result in results)


def _given(countdown: Countdown) -> int:
    """The seed of a question of which the numbers are known."""
    return next(seed for seed in range(10_000) if countdown.question(seed) == "2 3 : 6 ;")


@pytest.mark.parametrize(
    ("reply", "worth"),
    [
        ("2 * 3 = 6", 1),
        ("3*2=6", 1),
        ("I try 3 * 2 = 6, so it is done", 1),
        ("2 * 3 = 7", 0),
        ("2 + 3 = 5", 0),
        ("6", 0),
        ("6 * 1 = 6", 0),
        ("2 * 3 = 6 , 6 * 3 = 18", 0),
        ("2 * 2 = 4 , 4 + 2 = 6", 0),
        ("", 0),
    ],
)
def test_only_true_equations_over_the_given_numbers_are_worth_anything(
    reply: str, worth: int
) -> None:
    countdown = Countdown(2)
    assert countdown.score(_given(countdown), reply) == worth


def test_a_target_that_leaves_numbers_over_is_worth_nothing() -> None:
    countdown = Countdown(3)
    seed = next(
        seed
        for seed in range(100_000)
        if sorted(countdown.question(seed).split(" : ")[0].split()) == ["1", "2", "3"]
        and " : 3 ;" in countdown.question(seed)
    )
    assert countdown.score(seed, "1 + 2 = 3") == 0
    assert countdown.score(seed, "2 - 1 = 1 , 1 * 3 = 3") == 1


def test_recall_wants_the_first_number() -> None:
    recall = Recall(names=3)
    right = recall.solution(5)
    assert recall.question(5).count(" is") == 4
    assert recall.score(5, f" {right} .") == 1
    assert recall.score(5, f"{right}0") == 0
    assert recall.score(5, f"7777 {right}") == 0
    assert recall.score(5, "nothing") == 0


def test_questions_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="numbers must be at least 2, got 1"):
        Countdown(1)
    with pytest.raises(UsageError, match="largest must be from 1 to highest, 5, got 9"):
        Countdown(3, largest=9, highest=5)
    with pytest.raises(UsageError, match="names must be from 2 to 16, got 1"):
        Recall(1)
