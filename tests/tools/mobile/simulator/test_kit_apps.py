"""Every app of the kit, walked by its page graph with real taps."""

from collections.abc import Iterator

import pytest
from tests.tools.mobile.simulator.kit_walker import CHOICES, Deed, Walker, Way, deeds_of

from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.simulator.apps.kit_apps import KIT_APPS
from tapgraph.tools.mobile.simulator.kit.effect import Effect
from tapgraph.tools.mobile.simulator.kit.graph import graph_of
from tapgraph.tools.mobile.simulator.kit.kit_app import AppSpec
from tapgraph.tools.mobile.simulator.kit.record import Record
from tapgraph.tools.mobile.simulator.layout import lay_out, name_views
from tapgraph.tools.mobile.simulator.phone_profile import (
    NAVIGATION_BAR_DP,
    STATUS_BAR_DP,
    PhoneProfile,
)
from tapgraph.tools.mobile.simulator.views import Scroll, View

FIRST = {
    "McDonald's": ("added",),
    **dict.fromkeys(("Walmart", "Amazon Shopping", "Best Buy"), ("added", "listed")),
    **dict.fromkeys(("X", "Lemon8"), ("followed",)),
    **dict.fromkeys(("Maps", "Tripadvisor"), ("saved",)),
}
"""What must be done in an app before all of it can be used."""
AFTER_SEARCH = {
    ("explore", "post_row"),
    ("explore", "author_row"),
    ("home", "attraction_row"),
    ("map", "place_row"),
    ("home", "status_row"),
    ("home", "switches_row"),
    ("home", "option_row"),
}
"""Rows that are there only while something is searched for; `test_apps` walks them."""

DEEDS = [
    pytest.param(spec, deed, id=f"{spec.label}-{deed.page.name}-{deed.act.id}")
    for spec in KIT_APPS
    for deed in deeds_of(spec)
    if deed.of is None or (deed.page.name, f"{deed.of.entity}_row") not in AFTER_SEARCH
]
each_app = pytest.mark.parametrize("spec", KIT_APPS, ids=lambda spec: spec.label)


def prepared(spec: AppSpec, deed: Deed | None = None) -> Walker:
    """A walker who has done what must come first."""
    walker = Walker(spec)
    for event in FIRST.get(spec.label, ()):
        first = next(one for one in deeds_of(spec) if event_of(one) == event)
        if deed is None or event_of(deed) != event:
            walker.go(way_to(walker, first))
            walker.do(first)
            while not walker.page.is_root:
                walker.phone.press_key(4)
    return walker


def event_of(deed: Deed) -> str:
    return deed.act.event or deed.act.id


def way_to(walker: Walker, deed: Deed) -> Way:
    """A way to a page where it can be done, at once if that is possible."""
    shown: list[Way] = []
    for way in walker.ways(deed.page.name):
        at = walker.app.scene(deed.page.name, way.subject)
        if deed.of.records(at) if deed.of is not None else deed.act.shows(at):
            if deed.of is not None or deed.act.can_run(at):
                return way
            shown.append(way)
    assert shown, f"{deed.act.id} is nowhere possible"
    return shown[0]


@each_app
def test_every_page_is_reached_by_taps_and_its_visit_is_recorded(spec: AppSpec) -> None:
    graph = graph_of(spec)
    for page in graph.pages:
        walker = prepared(spec)
        walker.go_to(page)
        assert walker.page_name == page
        assert f"{page}_opened" in [kind for kind, _, _ in walker.events]


@each_app
def test_every_link_leads_where_the_graph_says(spec: AppSpec) -> None:
    for edge in graph_of(spec).edges:
        if edge.link.id in CHOICES:
            continue
        walker = prepared(spec)
        if (edge.source, edge.link.id) in AFTER_SEARCH:
            continue
        for way in walker.ways(edge.source):
            if edge.link.doors(walker.app.scene(edge.source, way.subject)):
                walker.go(way)
                break
        if edge.link.id in {act.id for act in walker.page.page.all_acts() if act.effects}:
            walker.fill_form(walker.page.page)
        expected = edge.link.doors(walker.here)[0].leads_to
        walker.follow(edge)
        assert walker.page_name == edge.target
        own = {f"{page}_opened" for page in walker.app.pages}
        visits = [event for event in walker.events if event[0] in own]
        kind, subject, _ = visits[-1]
        assert kind == f"{edge.target}_opened"
        wanted = expected if walker.app.pages[edge.target].entity else None
        assert subject == ("" if wanted is None else str(wanted.id))


@pytest.mark.parametrize(("spec", "deed"), DEEDS)
def test_what_can_be_done_changes_the_database_as_declared(spec: AppSpec, deed: Deed) -> None:
    walker = prepared(spec, deed)
    walker.go(way_to(walker, deed))
    here = walker.here
    subject = deed.of.records(here)[0] if deed.of else here.subject
    changed = {_entity(effect, subject) for effect in deed.act.effects}
    before = {entity: walker.table(entity) for entity in changed}
    walker.do(deed)
    recorded = [event for event in walker.events if event[0] == event_of(deed)]
    assert [event[1] for event in recorded] == ["" if subject is None else str(subject.id)]
    for entity in changed:
        assert walker.table(entity) != before[entity]


def _entity(effect: Effect, subject: Record | None) -> str:
    if effect.entity:
        return effect.entity
    assert subject is not None
    return subject.entity.name


@each_app
@pytest.mark.parametrize("seed", [1, 2])
def test_what_can_be_tapped_has_a_name_or_where_the_style_is_silent_an_id(
    spec: AppSpec, seed: int
) -> None:
    for page in graph_of(spec).pages:
        walker = Walker(spec, seed)
        walker.go_to(page)
        for one in walker.screen.elements:
            is_cut_off = one.bounds.height < 60
            if one.clickable and not is_cut_off:
                assert one.text or (one.resource_id and not walker.app.style.speaks), (page, one)


@each_app
def test_one_seed_gives_one_app_and_other_seeds_give_others(spec: AppSpec) -> None:
    first, again = Walker(spec), Walker(spec)
    assert first.phone.screenshot().tobytes() == again.phone.screenshot().tobytes()
    assert first.app.style == again.app.style
    assert list(first.app.database.iterdump()) == list(again.app.database.iterdump())
    pictures = {Walker(spec, seed).phone.screenshot().tobytes() for seed in range(1, 5)}
    assert len(pictures) > 1


@each_app
@pytest.mark.parametrize("kind", ["", "small", "tablet", "small,de", "font=1.3"])
def test_pages_fit_upright_and_lying(spec: AppSpec, kind: str) -> None:
    profile = PhoneProfile.parse(kind)
    for seed in (1, 2, 3):
        walker = Walker(spec, seed, profile)
        for page in walker.graph.pages:
            scene = walker.app.scene(page, next(walker.ways(page)).subject).scene
            for size in (profile.size_at(0), profile.size_at(1)):
                root = scene.build()
                root.width = root.height = "match"
                name_views(root, "page")
                foot = size.height_px - profile.px(NAVIGATION_BAR_DP)
                area = Bounds(0, profile.px(STATUS_BAR_DP), size.width_px, foot)
                lay_out(root, area, {}, profile)
                _check_fit(root, profile, f"{seed} {page} {size.width_px}")


def _check_fit(root: View, profile: PhoneProfile, where: str) -> None:
    for view in _outside_lists(root):
        if view.clickable:
            assert view.visible == view.bounds, (where, view)
            assert min(view.bounds.width, view.bounds.height) >= profile.px(23), (where, view)
    content = next(view for view in root.walk() if view.id == "content")
    assert content.bounds.height > profile.px(60), where


def _outside_lists(view: View) -> Iterator[View]:
    yield view
    for child in view.children if not isinstance(view, Scroll) else ():
        yield from _outside_lists(child)


@each_app
def test_a_screen_on_its_side_can_be_walked(spec: AppSpec) -> None:
    walker = prepared(spec)
    walker.phone.rotate(1)
    for page in graph_of(spec).tabs:
        walker.open_tab(page)
        assert walker.page_name == page


def test_every_app_has_its_own_package_and_label() -> None:
    packages = {spec.package for spec in KIT_APPS}
    assert len(packages) == len({spec.label for spec in KIT_APPS}) == len(KIT_APPS)
