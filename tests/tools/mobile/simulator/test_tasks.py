"""Tasks: read from instructions, done by their reference solutions, judged on databases."""

import json
import os
from functools import cache
from pathlib import Path

import pytest

from tapgraph.errors import UsageError
from tapgraph.tools.mobile.actions import OpenApp, Tap, Wait
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen_text import DescribedElement
from tapgraph.tools.mobile.simulator.apps.maps import MAPS_PACKAGE
from tapgraph.tools.mobile.simulator.apps.notes import NOTES_PACKAGE
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.tasks import (
    TASK_FAMILIES,
    Glance,
    PhoneRecords,
    Solution,
    TaskCheck,
    check_step,
    find_solution,
    find_task,
)
from tapgraph.tools.mobile.simulator.tasks.deal_tasks import BestDealTask
from tapgraph.tools.mobile.simulator.tasks.feed_tasks import CreatorsTask
from tapgraph.tools.mobile.simulator.tasks.map_tasks import DirectionsTask
from tapgraph.tools.mobile.simulator.tasks.phone_tasks import SettingTask, WriteNoteTask
from tapgraph.tools.mobile.simulator.tasks.player import Playthrough, follow_solution
from tapgraph.tools.mobile.simulator.tasks.shop_tasks import ReviewsTask, SaleTask
from tapgraph.tools.mobile.simulator.tasks.travel_tasks import TopAttractionsTask
from tapgraph.tools.mobile.simulator.world.world import World

SHARED_DATA = Path(
    os.environ.get("TAPGRAPH_SHARED_DATA", Path(__file__).parents[4].parent / "shared" / "data")
)
DIRECTIONS = "Show me the way to the closest bakery rated above 4.0 in Maps."
BEST_CAFE = "Find the highest-rated cafe on Maps and save its name and phone number in a note."
REVIEWS = "Read three detailed reviews of the Bose QC45 on Amazon and note the general sentiment."
SALE = "Which of ribeye steak, oranges or toilet paper are on sale at Walmart? Note the prices."
CREATORS = "Note accounts on Lemon8 that have highly liked posts about watercolor painting."
ATTRACTIONS = "Write the top 3 attractions in Chicago on Tripadvisor into a note."
NOTE = 'Write a note called "Odd" with the text "B: Failed. # {"a": 1} // Zürich ☕; & | end".'
SETTING = "Please turn on dark mode."
DEAL = "Compare the price of a Switch Joy-Con at Best Buy and Walmart; open the cheaper one."
ALL = (DEAL, DIRECTIONS, BEST_CAFE, REVIEWS, SALE, CREATORS, ATTRACTIONS, NOTE, SETTING)


@cache
def world_of(seed: int) -> World:
    return World.generate(seed)


def played(instruction: str, *, seed: int = 0, faults: str = "") -> tuple[Playthrough, TaskCheck]:
    solution = find_solution(instruction)
    assert solution is not None
    with build_phone(seed=seed, faults=FaultPlan.parse(faults)) as phone:
        playthrough = follow_solution(phone, solution, max_steps=80)
        return playthrough, solution.task.check(world_of(seed), PhoneRecords(phone))


@pytest.mark.parametrize("instruction", ALL)
def test_the_reference_solution_does_the_task(instruction: str) -> None:
    playthrough, verdict = played(instruction, seed=5)
    assert playthrough.is_complete
    assert verdict.reasons == ()


@pytest.mark.parametrize("instruction", ALL)
def test_the_reference_solution_survives_every_fault(instruction: str) -> None:
    faults = "tap@2,tap@4,slow@2,slow@3,popup@3,crash@6,network@8-9,popup@11,tap@9"
    playthrough, verdict = played(instruction, seed=2, faults=faults)
    assert playthrough.is_complete
    assert verdict.reasons == ()


@pytest.mark.parametrize("fault", ["tap@1", "tap@3", "popup@5", "crash@5", "network@3-7", "slow@2"])
def test_each_fault_alone_costs_only_steps(fault: str) -> None:
    playthrough, verdict = played(DIRECTIONS, seed=1, faults=fault)
    assert verdict.ok
    trouble = [step for step in playthrough.steps if step.check.outcome != "A"]
    waits = [step for step in playthrough.steps if isinstance(step.move.action, Wait)]
    assert trouble or waits or fault.startswith("network")


def test_a_swallowed_tap_is_judged_as_without_effect() -> None:
    playthrough, _ = played(SETTING, faults="tap@1")
    assert playthrough.steps[1].check.outcome == "C"


def test_a_crash_is_judged_as_leading_elsewhere() -> None:
    playthrough, _ = played(SETTING, faults="crash@2")
    assert playthrough.steps[1].check.outcome == "B"
    assert "crashed" in playthrough.steps[1].check.error


def test_a_phone_that_was_not_touched_does_no_task() -> None:
    with build_phone(seed=0) as phone:
        for instruction in ALL:
            task = find_task(instruction)
            assert task is not None
            assert not task.check(world_of(0), PhoneRecords(phone)).ok, instruction


def test_the_same_play_gives_the_same_steps() -> None:
    faults = "tap@2,popup@4,crash@7"
    assert played(SALE, seed=3, faults=faults) == played(SALE, seed=3, faults=faults)


def test_every_family_is_played_here() -> None:
    assert {type(find_task(instruction)) for instruction in ALL} == set(TASK_FAMILIES)


def test_an_instruction_of_no_family_has_no_solution() -> None:
    assert find_solution("Order a pizza with extra cheese.") is None


@pytest.mark.parametrize(
    ("instruction", "task"),
    [
        (
            "Navigate to the nearest pharmacy that has a rating better than 4.5.",
            DirectionsTask("pharmacy", 4.5),
        ),
        ("I need directions to the nearest park, please.", DirectionsTask("park", 0)),
        (
            "Check which of these items: milk, large eggs, or butter are on sale at Best Buy.",
            SaleTask("Best Buy", ("milk", "large eggs", "butter")),
        ),
        (
            "Look for 4 customer reviews about the Vitamix E310 at Walmart. Summarize in Notes.",
            ReviewsTask("Walmart", "Vitamix E310", 4),
        ),
        (
            'Find people on "X" with well-liked posts about Black Myth Wukong and list them.',
            CreatorsTask("X", "Black Myth Wukong"),
        ),
        (
            "Find sights in New York City. Save the top five attractions on Tripadvisor in Notes.",
            TopAttractionsTask("New York City", 5),
        ),
        (
            "Find the lowest price for a 55-inch OLED TV at Best Buy.",
            BestDealTask("55-inch OLED TV", ("Best Buy",)),
        ),
        (
            "I am looking for a new Vitamix E310. Compare prices on Walmart, Best Buy and Amazon.",
            BestDealTask("Vitamix E310", ("Walmart", "Best Buy", "Amazon Shopping")),
        ),
        ('Create a note that says "buy milk"', WriteNoteTask("", "buy milk")),
        ("Write a note that says: hello, you.", WriteNoteTask("", "hello, you.")),
        ("Add a note titled “Tea” reading “green, 70 °C”", WriteNoteTask("Tea", "green, 70 °C")),
        ("Disable Bluetooth", SettingTask("Bluetooth", is_on=False)),
        ("switch the Wi-Fi off", SettingTask("Wi-Fi", is_on=False)),
    ],
)
def test_parameters_are_read_from_general_wording(instruction: str, task: object) -> None:
    assert find_task(instruction) == task


@pytest.mark.skipif(
    not (SHARED_DATA / "mobile_eval_e").is_dir(), reason="the benchmark's files are not here"
)
@pytest.mark.parametrize(
    "task_id",
    [
        "1_nearest_bakery",
        "2_headphones_reviews",
        "3_walmart_sale_items",
        "4_watercolor_painting_tutorial",
        "5_things_to_do_la",
        "3_oled_tv",
        "3_ninja_air_fryer",
        "3_nintendo_switch_joy_con",
    ],
)
def test_tasks_of_the_benchmark_are_understood_and_done(task_id: str) -> None:
    tasks = [
        task
        for path in sorted((SHARED_DATA / "mobile_eval_e").glob("scenario_*.json"))
        for task in json.loads(path.read_text(encoding="utf-8"))["tasks"]
    ]
    instruction = next(task["instruction"] for task in tasks if task["task_id"] == task_id)
    playthrough, verdict = played(instruction, seed=4, faults="tap@2,popup@6,crash@9")
    assert playthrough.is_complete
    assert verdict.reasons == ()


# Negative controls: what is wrong must be seen.


def phone_with_note(phone: Phone, body: str, title: str = "x") -> PhoneRecords:
    phone.database(NOTES_PACKAGE).execute(
        "INSERT INTO notes (title, body, updated_at) VALUES (?, ?, '')", (title, body)
    )
    return PhoneRecords(phone)


def verdict_on_note(instruction: str, body: str) -> TaskCheck:
    task = find_task(instruction)
    assert task is not None
    with build_phone(seed=0) as phone:
        return task.check(world_of(0), phone_with_note(phone, body))


def sale_lines(world: World) -> tuple[list[str], list[str]]:
    task = find_task(SALE)
    assert isinstance(task, SaleTask)
    on_sale: list[str] = []
    others: list[str] = []
    for item, product in task.products(world).items():
        assert product is not None
        (on_sale if product.is_on_sale else others).append(f"{item} {product.price}")
    return on_sale, others


def test_a_note_with_all_sale_prices_is_right() -> None:
    on_sale, _ = sale_lines(world_of(0))
    assert verdict_on_note(SALE, "\n".join(on_sale)).ok


def test_a_note_with_a_wrong_price_is_refused() -> None:
    on_sale, _ = sale_lines(world_of(0))
    wrong = on_sale[0].rsplit(" ", 1)[0] + " $1.11"
    verdict = verdict_on_note(SALE, "\n".join([wrong, *on_sale[1:]]))
    assert "the price of" in verdict.reasons[0]


def test_a_price_that_only_ends_like_the_right_one_is_refused() -> None:
    on_sale, _ = sale_lines(world_of(0))
    wrong = [line.replace("$", "$9") for line in on_sale]
    assert not verdict_on_note(SALE, "\n".join(wrong)).ok


def test_a_note_with_an_item_that_is_not_on_sale_is_refused() -> None:
    on_sale, others = sale_lines(world_of(0))
    verdict = verdict_on_note(SALE, "\n".join([*on_sale, others[0]]))
    assert "which is not on sale" in verdict.reasons[0]


def test_a_note_without_one_of_the_items_on_sale_is_refused() -> None:
    assert "which is on sale" in verdict_on_note(SALE, "nothing found").reasons[0]


@pytest.mark.parametrize("column", ["handle", "display_name"])
def test_two_creators_of_highly_liked_posts_are_enough(column: str) -> None:
    task = CreatorsTask("Lemon8", "watercolor painting")
    liked, _ = task.authors(world_of(0))
    names = [getattr(author, column) for author in liked[:2]]
    assert verdict_on_note(CREATORS, ", ".join(names)).ok
    assert not verdict_on_note(CREATORS, names[0]).ok


def test_a_creator_of_posts_with_few_likes_is_refused() -> None:
    task = CreatorsTask("Lemon8", "watercolor painting")
    liked, others = task.authors(world_of(0))
    names = [author.handle for author in [*liked, others[0]]]
    assert others[0].handle in verdict_on_note(CREATORS, " ".join(names)).reasons[0]


def test_an_attraction_beyond_the_top_is_refused() -> None:
    ranked = world_of(0).cities_matching("Chicago")[0].ranked("Things to do")
    names = [entry.name for entry in ranked]
    assert verdict_on_note(ATTRACTIONS, "\n".join(names[:3])).ok
    assert "not one of the top 3" in verdict_on_note(ATTRACTIONS, "\n".join(names[:4])).reasons[0]
    assert "no note names" in verdict_on_note(ATTRACTIONS, "\n".join(names[:2])).reasons[0]


def test_the_number_of_another_cafe_is_refused() -> None:
    cafes = world_of(0).places_matching("cafe")
    best = max(cafes, key=lambda place: place.rating)
    other = next(place for place in cafes if place != best)
    assert verdict_on_note(BEST_CAFE, f"{best.name} {best.phone}").ok
    verdict = verdict_on_note(BEST_CAFE, f"{best.name} {other.phone}")
    assert verdict.reasons == (f"no note has the number {best.phone}",)


@pytest.mark.parametrize("tone", ["positive", "negative"])
def test_only_the_sentiment_of_the_majority_is_right(tone: str) -> None:
    task = find_task(REVIEWS)
    assert isinstance(task, ReviewsTask)
    world = world_of(0)
    product = task.wanted(world)
    assert product is not None
    with build_phone(seed=0) as phone:
        state = phone_with_note(phone, f"Bose QC45: buyers are mostly {tone}.")
        phone.database("com.amazon.mShop.android.shopping").execute(
            "INSERT INTO events (at, kind, subject, detail) VALUES ('', 'reviews_opened', ?, '')",
            (str(product.number),),
        )
        verdict = task.check(world, state)
    wanted = "positive" if product.rating > 4 else "negative"
    assert verdict.ok == (tone == wanted)


def test_the_page_of_a_dearer_offer_is_refused() -> None:
    task = BestDealTask("55-inch OLED TV", ("Best Buy",))
    world = world_of(0)
    dearest = task.offers(world)[-1]
    other = BestDealTask(dearest.name, ("Best Buy",))
    with build_phone(seed=0) as phone:
        assert follow_solution(phone, Solution(other, other.subgoals())).is_complete
        assert other.check(world, PhoneRecords(phone)).ok
        verdict = task.check(world, PhoneRecords(phone))
    assert verdict.reasons[0].startswith(f"the best deal is {task.offers(world)[0].price}")


def test_a_summary_without_opened_reviews_is_refused() -> None:
    verdict = verdict_on_note(REVIEWS, "Bose QC45: mostly positive.")
    assert any("were not opened" in reason for reason in verdict.reasons)


def test_the_route_to_a_wrong_bakery_is_refused() -> None:
    task = DirectionsTask("bakery", 4.0)
    world = world_of(0)
    wanted = task.wanted(world)
    solution = find_solution("Show me the way to the nearest bakery.")
    assert solution is not None
    with build_phone(seed=0) as phone:
        assert follow_solution(phone, solution).is_complete
        verdict = task.check(world, PhoneRecords(phone))
    assert wanted is not None
    assert verdict.reasons[0].endswith(f"not to {wanted.name}")


def test_a_route_that_was_left_again_is_refused() -> None:
    solution = find_solution(DIRECTIONS)
    assert solution is not None
    with build_phone(seed=0) as phone:
        follow_solution(phone, solution)
        phone.press_key(4)
        verdict = solution.task.check(world_of(0), PhoneRecords(phone))
    assert len(verdict.reasons) == 1
    assert MAPS_PACKAGE in verdict.reasons[0]


def test_the_state_folder_of_a_phone_is_judged_like_the_phone(tmp_path: Path) -> None:
    solution = find_solution(NOTE)
    assert solution is not None
    with build_phone(seed=0, state_dir=tmp_path) as phone:
        assert not solution.task.check(world_of(0), PhoneRecords(tmp_path)).ok
        follow_solution(phone, solution)
        assert solution.task.check(world_of(0), PhoneRecords(tmp_path)).ok


def test_a_folder_without_databases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="simulated phone"):
        PhoneRecords(tmp_path)


def button(text: str) -> DescribedElement:
    return DescribedElement(1, "button", text, Point(10, 20))


def test_the_judge_sees_nothing_happen() -> None:
    glance = Glance((button("Go"),), "Maps", keyboard_shown=False)
    assert check_step(glance, glance, Tap(10, 20)).outcome == "C"
    assert check_step(glance, glance, Wait(1)).outcome == "A"


def test_the_judge_sees_that_another_app_came_up() -> None:
    before = Glance((button("Go"),), "Maps", keyboard_shown=False)
    after = Glance((button("Hello"),), "Clock", keyboard_shown=False)
    assert check_step(before, after, Tap(10, 20)).outcome == "B"
    assert check_step(before, after, OpenApp("Clock")).outcome == "A"
    assert check_step(before, after, OpenApp("Notes")).outcome == "B"
