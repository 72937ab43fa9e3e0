from random import Random

import pytest
import torch

from tapgraph.evals.recordings.film import Film, film_task
from tapgraph.evals.recordings.training import Clip, train_locator, train_recogniser
from tapgraph.evals.suite import Rubric, Task
from tapgraph.tools.mobile.perception.recording import frame_features
from tapgraph.tools.mobile.perception.segmenter import KINDS
from tapgraph.tools.mobile.perception.touch_mark import touch_from
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.guide import Aim, Route


@pytest.fixture(scope="module")
def film() -> Film:
    aim = Aim(words="Write", app="Notes", page="note", act="done", settings={"title": "Shop"})
    rubric = Rubric("done", lambda seen: True)
    task = Task(id="t", instruction="Write", rubrics=(rubric,), route=Route((aim,)))
    with build_phone() as phone:
        return film_task(task, phone, Random(0))


def test_a_film_has_the_actions_of_the_route_in_order(film: Film) -> None:
    assert [one.kind for one in film.segments] == ["open", "tap", "tap", "type", "tap"]
    places = [place for one in film.segments for place in (one.start, one.end)]
    assert places == sorted(places)
    assert places[-1] < len(film.frames)


def test_an_app_that_the_home_screen_does_not_show_is_found_among_all_apps() -> None:
    aims = (Aim(words="Look", app="Notes"), Aim(words="Look", app="Fandango"))
    rubric = Rubric("done", lambda seen: True)
    task = Task(id="t", instruction="Look", rubrics=(rubric,), route=Route(aims))
    with build_phone() as phone:
        film = film_task(task, phone, Random(0), touches=1.0)
    kinds = [one.kind for one in film.segments]
    assert kinds[0] == "open"
    assert kinds[1:-1] == ["scroll"] * len(kinds[1:-1])
    assert kinds[-1] == "open"
    touch = touch_from(film.frames, film.segments[-1].start, since=film.segments[-2].end)
    assert touch is not None


def test_frames_change_where_somebody_acts(film: Film) -> None:
    change = (film.frames[1:] - film.frames[:-1]).abs().amax(dim=(1, 2))
    for one in film.segments:
        assert change[one.start - 1 : one.end].max() > 0.05


def test_clips_tell_their_kinds_and_bounds(film: Film) -> None:
    clip = Clip(frame_features(film.frames), film.segments)
    first = film.segments[0]
    kinds, bounds = clip.kinds(), clip.bounds()
    assert kinds[first.start] == KINDS.index("open")
    assert kinds[first.start - 1] == len(KINDS)
    assert bounds[:, first.start].tolist()[0] == 1
    assert bounds[1, first.end] == 1


def test_both_nets_learn_a_film_by_heart(film: Film) -> None:
    clip = Clip(frame_features(film.frames), film.segments)
    recogniser = train_recogniser([clip], steps=120, seed=0)
    with torch.no_grad():
        semantics = torch.softmax(recogniser(clip.features[None])[0], 0)
        is_right = semantics.argmax(0) == clip.kinds()
    assert float(is_right.double().mean()) > 0.8
    locator = train_locator([clip], [semantics], "csa", steps=60, seed=0)
    with torch.no_grad():
        bounds = torch.sigmoid(locator(clip.features[None], semantics[None])[0])
    wanted = clip.bounds() > 0
    assert bounds[wanted].mean() > bounds[~wanted].mean() + 0.3
