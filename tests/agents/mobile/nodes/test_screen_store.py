"""Screens are found again by their numbers, also those that have left the memory."""

from typing import Any

from tapgraph.agents.run.events import ScreenSeen
from tapgraph.llm_backend.chat_model import ModelTraits


def test_every_screen_of_the_run_is_found_again(desk: Any, screen: Any, button: Any) -> None:
    sees = desk()
    numbers = [sees.see(screen(f"s{n}", button(f"B{n}", 500))) for n in range(2, 9)]
    assert numbers == list(range(2, 9))
    screens = sees.team.screens
    assert [screens[n].fingerprint for n in range(1, 9)] == ["first", *(f"s{n}" for n in numbers)]
    assert '[1] button "B2" (540,550)' in screens.to_act_on(2)
    assert 'button "B2"' in screens.to_read(2)


def test_what_was_seen_is_recorded(desk: Any, screen: Any, button: Any) -> None:
    sees = desk()
    both = (button("A", 0), button("B", 100, number=2))
    seen = screen("s", *both, keyboard_shown=True, source="ocr", device_s=0.5, picture_s=0.25)
    sees.see(seen)
    assert sees.events(ScreenSeen)[-1] == ScreenSeen(
        step=1,
        screen_id=2,
        app="com.example",
        activity="",
        keyboard_shown=True,
        elements=2,
        fingerprint="s",
        source="ocr",
        elapsed_s=0.75,
    )


def test_a_block_says_what_app_is_in_front(desk: Any, screen: Any) -> None:
    sees = desk(shows=[screen("s", keyboard_shown=True)])
    head = '<screen>\napp "Example" com.example, 1080x2400, keyboard shown\n'
    assert sees.team.screens.to_act_on(1).startswith(head)
    assert sees.team.screens.to_read(1).endswith("\n</screen>")


def test_a_block_for_a_model_is_in_its_numbers(desk: Any) -> None:
    shares = ModelTraits("shares", coordinate_space="0-1000")
    block = desk().team.screens.to_act_on(1, shares)
    assert "1000x1000, keyboard hidden" in block
    assert '[1] button "Save" (500,229)' in block
