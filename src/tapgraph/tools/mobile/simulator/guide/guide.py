"""What to do next on the simulated phone for an aim, from the state of the phone.

Nothing is remembered between two calls: a tap that was swallowed, a pop-up, a crash or a wrong turn
needs no special treatment, as the state says what comes next (a teleo-reactive program).
"""

from dataclasses import dataclass

from tapgraph.errors import TapgraphError
from tapgraph.tools.mobile.actions import (
    Answer,
    AskUser,
    Back,
    ClearText,
    Enter,
    OpenApp,
    Tap,
    Type,
    Wait,
)
from tapgraph.tools.mobile.simulator.app import Dialog
from tapgraph.tools.mobile.simulator.guide.aim import Aim, Move
from tapgraph.tools.mobile.simulator.guide.controls import controls, field_of, touch
from tapgraph.tools.mobile.simulator.guide.way import Hop, way_to
from tapgraph.tools.mobile.simulator.kit.act import Act
from tapgraph.tools.mobile.simulator.kit.kit_app import KitApp, KitPage
from tapgraph.tools.mobile.simulator.kit.rows import Rows
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.setting import Setting, Touch
from tapgraph.tools.mobile.simulator.kit.time_code import time_code
from tapgraph.tools.mobile.simulator.phone import Phone

__all__ = ["Guide", "LostWay"]

_WHILE_USING = ("permission_allow_foreground_only_button", "permission_allow_button")


class LostWay(TapgraphError):
    """An aim cannot be reached from here: there is no such page, control or thing."""


@dataclass(frozen=True)
class _Want:
    """The next touch, and the words of the dialog that may follow it."""

    touch: Touch
    why: str
    choice: str = ""
    within: str = ""
    is_long: bool = False


class Guide:
    """Knows a phone, and the way to an aim on it."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    def is_reached(self, aim: Aim, times: int) -> bool:
        """Whether the phone is where the aim wants it; for an act, whether it was done so often.

        What is said to the user changes nothing on the phone, so it is never reached.
        """
        if aim.answer or aim.question:
            return False
        app = self._app(aim)
        if aim.act:
            return _done(app, aim) >= times
        page = self._page
        if self._phone.system.activities.front.app is not app or page is None:
            return False
        if not aim.page:
            return True
        return _is_at(aim, page) and self._open_setting(aim, page.here) is None

    def move(self, aim: Aim) -> Move:
        """The next action.

        Raises:
            LostWay: there is none.
        """
        if aim.answer:
            return Move(Answer(aim.answer), "I know what was asked for.", "The user is told.")
        if aim.question:
            return Move(AskUser(aim.question), "Only the user can know this.", "The user answers.")
        try:
            return self._out_of_trouble() or self._into_app(aim) or self._onward(aim)
        except KeyError as error:
            raise LostWay(f"{aim.words!r}: {error} is no longer there") from error

    @property
    def trouble(self) -> str:
        """What came up that nobody asked for; empty where all is well."""
        activities = self._phone.system.activities
        if activities.crashed is not None:
            return "the app crashed"
        if activities.front.top.lacks_network:
            return "the network is gone"
        dialog = activities.dialog
        return "a pop-up came up" if dialog is not None and dialog.dialog.is_unasked else ""

    # What stands in the way.

    @property
    def _page(self) -> KitPage | None:
        activity = self._phone.system.activities.front.top.activity
        return activity if isinstance(activity, KitPage) else None

    def _app(self, aim: Aim) -> KitApp:
        for app in self._phone.apps:
            if app.name == aim.app and isinstance(app, KitApp):
                return app
        raise LostWay(f"the phone has no app {aim.app!r} to be guided through")

    def _out_of_trouble(self) -> Move | None:
        system = self._phone.system
        activities = system.activities
        if activities.crashed is not None:
            return self._tap("android:id/aerr_close", "The app crashed; I close the message.")
        if system.shade.is_open or activities.recents_open:
            return Move(Back(), "This is not the app.", "The app is in front again.")
        if system.distractions.way_out:
            return self._tap(system.distractions.way_out, "I did not ask for this.")
        if system.distractions.has_message:
            return Move(Wait(6.0), "A message covers the bar.", "The message leaves.")
        if activities.prompt is not None:
            for name in _WHILE_USING:
                for view in controls(system.windows, f"com.android.permissioncontroller:id/{name}"):
                    return Move(touch(system, view), "I allow this.", "The app goes on.")
        if activities.front.top.loading_s > 0:
            return Move(Wait(2.0), "The page is still loading.", "The page is complete.")
        return None

    def _into_app(self, aim: Aim) -> Move | None:
        front = self._phone.system.activities.front
        if front.app.name != aim.app:
            thought = f"{aim.app} is not in front, so I open it."
            return Move(OpenApp(self._app(aim).label), thought, f"{aim.app} opens.")
        if front.top.lacks_network:
            return self._tap("retry_button", "The network failed; I try once more.")
        return None

    def _onward(self, aim: Aim) -> Move:
        system = self._phone.system
        page = self._page
        if page is None:
            raise LostWay(f"{aim.app!r} shows no page of the kit")
        want = self._want(aim, page)
        dialog = system.activities.dialog
        if dialog is not None:
            return self._answer(dialog.dialog, page, want)
        if want is None:
            return Move(Back(), "Nothing here leads on, so I go back.", "The page before this one.")
        return self._reach(want)

    def _answer(self, dialog: Dialog, page: KitPage, want: _Want | None) -> Move:
        offered = [*dialog.items, *dialog.buttons]
        wanted = "" if want is None else want.choice
        for number, one in enumerate(offered):
            if one.label == wanted:
                return self._choose(dialog, number, "This is what I want.")
        if dialog.content is not None and want is not None and (code := self._code(want, page)):
            field = Touch(id="code", text=code)
            if page.held.get("code", "") != code:
                return self._reach(_Want(field, "The bank wants its code."))
            return self._choose(dialog, len(offered) - 1, "The code is complete.")
        if dialog.buttons:
            return self._choose(dialog, len(dialog.items), "I did not ask for this.")
        return Move(Back(), "I did not ask for this.", "The window closes.")

    def _code(self, want: _Want, page: KitPage) -> str:
        act = _act_of(page.app, page.here, want.touch.id)
        return time_code(act.code_of, self._phone.clock) if act is not None and act.code_of else ""

    def _choose(self, dialog: Dialog, number: int, why: str) -> Move:
        items = len(dialog.items)
        name = "android:id/text1"
        if number >= items:
            name = f"android:id/button{len(dialog.buttons) - (number - items)}"
            number = 0
        views = controls(self._phone.system.windows, name)
        return Move(touch(self._phone.system, views[number]), why, "The window closes.")

    # The way.

    def _want(self, aim: Aim, page: KitPage) -> _Want | None:
        """The next touch on the app's page; None for a step back."""
        if not aim.page:
            return None
        if not _is_at(aim, page):
            return self._toward_page(aim, page)
        at = page.here
        setting = self._open_setting(aim, at)
        if setting is not None:
            return _set(setting, aim.settings[setting.name])
        return self._deed(aim, at)

    def _open_setting(self, aim: Aim, at: At) -> Setting | None:
        known = {setting.name: setting for setting in self._app(aim).settings(at)}
        for name, wanted in aim.settings.items():
            if name not in known:
                raise LostWay(f"page {aim.page!r} of {aim.app!r} has no setting {name!r}")
            if known[name].value != wanted:
                return known[name]
        return None

    def _deed(self, aim: Aim, at: At) -> _Want:
        row = None if aim.row is None else at.app.store.get(*aim.row)
        for rows in _lists(self._app(aim), at):
            if row is None or rows.entity != row.entity.name:
                continue
            subject = At(at.scene, row)
            acts = {act.id: act for act in rows.row_acts}
            if aim.act in acts:
                return _do(acts[aim.act], subject, within=rows.key(row))
            for act, is_long in ((rows.switch, False), (rows.held, True)):
                if act is not None and act.id == aim.act:
                    touched = Touch(id=f"{rows.entity}_row", key=rows.key(row))
                    why = f"I use the row of {row.title!r}."
                    return _Want(touched, why, _choice(act, subject), is_long=is_long)
        act = _act_of(self._app(aim), at, aim.act)
        if act is None or row is not None:
            raise LostWay(f"page {aim.page!r} of {aim.app!r} has no act {aim.act!r} there")
        return _do(act, at)

    def _toward_page(self, aim: Aim, page: KitPage) -> _Want | None:
        app = self._app(aim)
        found = way_to(app, aim.page, aim.about)
        if found is None:
            raise LostWay(f"no way leads to page {aim.page!r} about {aim.about!r} of {aim.app!r}")
        tab, hops = found
        for hop in hops:
            if page.page_name == hop.page and page.subject == hop.about:
                return self._through(app, hop, page.here)
        return _to_tab(page, tab) if page.is_root else None

    @staticmethod
    def _through(app: KitApp, hop: Hop, at: At) -> _Want | None:
        """Through a door, after what shows it was set; a search that hides it is left."""
        for door in hop.edge.link.doors(at):
            if (door.key, door.leads_to) == (hop.door.key, hop.door.leads_to):
                touched = Touch(id=hop.edge.link.id, key=door.key, text=door.text, submits=True)
                return _Want(touched, f"{door.words!r} leads on.", door.words)
        if hop.hint is None:
            return None
        name, value = hop.hint
        known = {setting.name: setting for setting in app.settings(at)}
        if name not in known or known[name].value == value:
            return None
        return _set(known[name], value)

    # Fingers.

    def _reach(self, want: _Want) -> Move:
        system = self._phone.system
        wanted = want.touch
        views = controls(system.windows, wanted.id, wanted.key, want.within)
        if not views:
            if system.windows.text.keyboard_shown:
                return Move(Back(), "The keyboard hides the page.", "The keyboard goes away.")
            raise LostWay(f"there is no control {wanted.id!r} {wanted.key!r} on the screen")
        if wanted.text is not None:
            return self._write(want, wanted.text, views[0])
        action = touch(system, views[0], is_long=want.is_long)
        expectation = "It answers." if isinstance(action, Tap) else "It comes nearer."
        return Move(action, want.why, expectation)

    def _write(self, want: _Want, text: str, view: object) -> Move:
        system = self._phone.system
        field = field_of(view)  # type: ignore[arg-type]
        focused = system.windows.text.field
        if focused is None or focused.identity != field.identity:
            return Move(touch(system, field), want.why, "The keyboard appears.")
        if field.value == text:
            return Move(Enter(), "It is written, so I send it off.", "The results appear.")
        if field.value:
            return Move(ClearText(), "The field holds something else.", "The field is empty.")
        return Move(Type(text), f"I write {text[:60]!r}.", "The field holds it.")

    def _tap(self, name: str, why: str) -> Move:
        system = self._phone.system
        view = controls(system.windows, name)[0]
        return Move(touch(system, view), why, "It goes away.")


def _is_at(aim: Aim, page: KitPage) -> bool:
    if page.page_name != aim.page:
        return False
    if aim.about is None:
        return not aim.settings or page.subject is None or page.is_begun
    return page.subject == aim.about


def _set(setting: Setting, wanted: str) -> _Want:
    touched = setting.toward(wanted)
    return _Want(touched, f"I set {setting.name} to {wanted[:60]!r}.", touched.item)


def _do(act: Act, at: At, within: str = "") -> _Want:
    words = act.face(at)[0]
    return _Want(Touch(id=act.id), f"I tap {words!r}.", _choice(act, at), within)


def _choice(act: Act, at: At) -> str:
    """The button that says yes where the act asks first."""
    return (act.yes or act.face(at)[0]) if act.confirm else ""


def _to_tab(page: KitPage, tab: str) -> _Want | None:
    """The tab, or the menu with it; None where a search has put an arrow in the menu's place."""
    app = page.app
    words = app.style.say(app.pages[tab].tab or app.pages[tab].title)
    if app.style.navigation == "drawer":
        if page.held.get("query"):
            return None
        return _Want(Touch(id="menu"), f"{words!r} is in the menu.", words)
    return _Want(Touch(id=f"tab_{tab}"), f"I go to {words!r}.")


def _lists(app: KitApp, at: At) -> list[Rows]:
    return [block for block in app.blocks(at.scene.page_name) if isinstance(block, Rows)]


def _act_of(app: KitApp, at: At, name: str) -> Act | None:
    acts = app.pages[at.scene.page_name].all_acts()
    return next((act for act in acts if act.id == name), None)


def _done(app: KitApp, aim: Aim) -> int:
    """How often the act was done, by the app's own record."""
    kinds = {act.id: act.event or act.id for act in app.acts(aim.page)}
    if aim.act not in kinds:
        raise LostWay(f"page {aim.page!r} of {aim.app!r} has no act {aim.act!r}")
    subject = aim.row or aim.about
    query = "SELECT count(*) FROM events WHERE kind = ? AND (? = '' OR subject = ?)"
    number = "" if subject is None else str(subject[1])
    found = app.database.execute(query, (kinds[aim.act], number, number)).fetchone()
    return int(found[0])
