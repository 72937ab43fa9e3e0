"""A scripted model that memory can help and harm, for `memory_ablation.py`.

It is no language model. It has the demonstrator's route, and errs at a known rate for each app. Of
the memory it knows what its prompt says, no more: a true tip for the app in its Operator's prompt
saves it from some of its errors, a false one leads it into others, and it names the tip that it
acts by; a shortcut that is described as the actions it is about to do is called in their place. As
Reflector it sees whether an action was an error, and whether a shortcut led as far as it was to; a
share of these it overlooks, and takes a shortcut that was to end a subgoal for its end. As
a reflector on experience it proposes a tip for each app of the run that it reads of no tip for, and
the chain of actions of one subgoal; a share of both is wrong, by its dice.
"""

import re
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from pydantic import BaseModel

from tapgraph.agents.mobile.replies import (
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    ShortcutStepReply,
    TipsReply,
)
from tapgraph.agents.run.replies import TipChange
from tapgraph.errors import ToolError
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.evals.phone.role_prompt import Prompt, read_prompt
from tapgraph.llm_backend.chat_model import ChatModel, Reply, ToolSpec, Usage
from tapgraph.llm_backend.messages import Message
from tapgraph.tools.mobile.actions import action_to_wire
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Guide, LostWay, Route
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.token_estimate import estimate_tokens

__all__ = ["TIPS", "Habits", "Learner"]

TIPS: Final = {
    "Notes": ("When you write a note, fill its title before its text.",
              "When you write a note, leave the editor after each word."),
    "Calculator": ("On Calculator, clear old sums with C.",
                   "On Calculator, swipe across the keys to open the pad."),
    "Walmart": ("Walmart keeps the price beside its cart button.",
                "Walmart only shows goods from its account menu."),
    "Amazon Shopping": ("Amazon Shopping finds goods quicker through its search field.",
                        "Amazon Shopping hides what it sells behind the orders tab."),
    "Best Buy": ("Best Buy lists reviews below each product.",
                 "Best Buy wants its stores page opened ahead of products."),
    "Maps": ("Maps sorts better once a place was searched by name.",
             "Maps must be dragged by hand until the pin appears."),
    "Tripadvisor": ("Tripadvisor has sights under the city.",
                    "Tripadvisor answers from the trips tab alone."),
    "Lemon8": ("Lemon8 explains creators on their posts.",
               "Lemon8 needs the profile page reloaded twice."),
    "Files": ("Files tells sizes in the details of each entry.",
              "Files needs every folder opened in turn, starting with trash."),
    "Harbor Bank": ("Harbor Bank shows balances on its first page.",
                    "Harbor Bank displays money within card settings."),
    "YouTube": ("YouTube offers saving under the player.",
                "YouTube saves videos through the account picture."),
    "Messages": ("Messages keeps one conversation for each person.",
                 "Messages wants a new chat begun every time."),
    "Calendar": ("Into the calendar, put the day ahead of the hour.",
                 "Into the calendar, put nothing unless the month view is empty."),
    "Booking.com": ("Booking.com asks for dates first.",
                    "Booking.com accepts bookings from its map exclusively."),
}  # fmt: skip
"""For each app a tip that helps and one that harms."""

_LEARNT = re.compile(r"^- \[(T\d+)\] \([^)]*\) (.*)$", re.MULTILINE)
_OFFERED = re.compile(
    r"^- (\w+)\(([^)]*)\): In ([^,]+), ([^:]+): ([\w, ]+)\. Precondition", re.MULTILINE
)
_DID = re.compile(r"^- \((\d+)\) (\w+)(.*?): ([^:]*) -> ([ABC])", re.MULTILINE)
_PLANNED = re.compile(r"^\d+\. \d+: (.*?)(?: \((?:done|current)\))?$", re.MULTILINE)
_ANY = "any app"
_REWRITES = ("The old list:", "A step's argument value is either")
_TAP_AND_WRITE = [
    ShortcutStepReply(action="Tap", arguments={"x": "x", "y": "y"}),
    ShortcutStepReply(action="Type", arguments={"text": "text_1"}),
]
_FARTHEST = 12
"""So many moves it plans ahead."""
_NOT_CHAINED = {"Swipe", "Wait", "Back", "Answer", "Ask_User"}


@dataclass(frozen=True, slots=True)
class Habits:
    """How often the model is wrong, and what it proposes for the memory.

    Attributes:
        errs: the share of its actions that is random.
        helped: the share of which a true tip for the app makes right ones.
        misled: the share of its right actions of which a false tip makes random ones.
        overlooks: the share of errors, also of shortcuts, that its Reflector does not see.
        wrong_proposals: the share of tips and of shortcuts that it proposes wrongly.
        tips: whether it proposes tips.
        shortcuts: whether it proposes shortcuts.
    """

    errs: float = 0.25
    helped: float = 0.6
    misled: float = 0.27
    overlooks: float = 0.25
    wrong_proposals: float = 0.3
    tips: bool = True
    shortcuts: bool = True


class Learner(Demonstrator):
    """The demonstrator with errors that tips change, shortcuts that it calls, and reflection."""

    def __init__(
        self, route: Route, phone: Phone, other: ChatModel, habits: Habits, *, seed: int
    ) -> None:
        super().__init__(route, phone)
        self._phone = phone
        self._other = other
        self._habits = habits
        self._seed = seed
        self._erred = False
        self._promised: int | None = None
        """How many moves are left, if the shortcut that was called does what it says."""

    def reply(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        tools: Sequence[ToolSpec] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """What the role says; token counts are estimates."""
        rules = "\n".join(one.text for one in messages if one.role == "system")
        told = next(one.text for one in messages if one.role == "user")
        dice = Random(f"{self._seed}/{told}")
        answer: BaseModel | None = None
        if schema is TipsReply:
            answer = self._tips(rules, told, dice)
        elif schema is ShortcutReply:
            answer = self._shortcut(rules, told, dice)
        elif schema is not None and issubclass(schema, OperatorReply):
            answer = self._next_action(messages, rules, dice)
        elif schema is ReflectorReply:
            answer = self._reflect(read_prompt(told), dice)
        if answer is None:
            return super().reply(messages, schema=schema)
        text = answer.model_dump_json()
        usage = Usage(estimate_tokens(rules) + estimate_tokens(told), estimate_tokens(text))
        return Reply(text, parsed=answer, usage=usage, model="scripted learner")

    def _next_action(self, messages: Sequence[Message], rules: str, dice: Random) -> OperatorReply:
        prompt = read_prompt(next(one.text for one in messages if one.role == "user"))
        place = self._aim(prompt)
        self._erred, self._promised = False, None
        called = self._called(place, rules, prompt.sections["Last actions"])
        if called is not None:
            return called
        helps, harms = TIPS.get(self._route.aims[place].app, ("\0", "\0"))
        names = {text: name for name, text in _LEARNT.findall(rules)}
        tip = ""
        self._erred = dice.random() < self._habits.errs
        if self._erred and helps in rules and dice.random() < self._habits.helped:
            self._erred, tip = False, helps
        elif not self._erred and harms in rules and dice.random() < self._habits.misled:
            self._erred, tip = True, harms
        if not self._erred:
            reply = self._act(prompt)
        else:
            other = self._other.reply(messages, schema=OperatorReply).parsed
            assert isinstance(other, OperatorReply)  # noqa: S101 - what it was asked for
            reply = other
        return reply.model_copy(update={"tips": [names[tip]] if tip in names else []})

    def _reflect(self, prompt: Prompt, dice: Random) -> ReflectorReply:
        seen = super()._judge(prompt)
        if seen.verdict != "A" or seen.subgoal_done:
            return seen
        error = "This led away from the subgoal." if self._erred else ""
        if self._promised is not None and len(self._ahead(self._aim(prompt))) > self._promised:
            error = "The shortcut did not do what it says."
        if error and dice.random() < self._habits.overlooks:
            return seen.model_copy(update={"subgoal_done": self._promised == 0})
        before = prompt.sections["Progress before"]
        return ReflectorReply(verdict="B", error=error, progress=before) if error else seen

    # Shortcuts: called, and proposed.

    def _called(self, place: int, rules: str, last_actions: str) -> OperatorReply | None:
        """The longest shortcut whose description is what is to be done next."""
        offered = [one for one in _OFFERED.finditer(rules) if self._fits(one, place, last_actions)]
        if not offered:
            return None
        ahead = self._ahead(place)
        for one in sorted(offered, key=lambda one: -len(one[5])):
            names = one[5].split(", ")
            if [name for name, _ in ahead[: len(names)]] == names:
                given = _values(ahead[: len(names)])
                wanted = [name for name in one[2].split(", ") if name]
                if set(wanted) <= set(given):
                    if len(ahead) < _FARTHEST:
                        self._promised = len(ahead) - len(names)
                    return OperatorReply(
                        thought="A shortcut does this.",
                        action=one[1],
                        arguments={name: given[name] for name in wanted},
                        description="It does all of that.",
                    )
        return None

    def _fits(self, offered: re.Match[str], place: int, last_actions: str) -> bool:
        aim = self._route.aims[place]
        has_failed = re.search(rf"- {offered[1]}\b.* -> [BC]", last_actions)
        is_meant = offered[3] == _ANY or (offered[3], offered[4]) == (aim.app, _kind(aim.words))
        return is_meant and not has_failed

    def _ahead(self, place: int) -> list[tuple[str, dict[str, object]]]:
        """What it is about to do for the subgoal, as a model that plans would know."""
        moves: list[tuple[str, dict[str, object]]] = []
        aim, times = self._route.aims[place], self._route.times(place)
        with closing(self._phone.fork()) as fork, suppress(LostWay):
            device, guide = SimulatedDevice(fork), Guide(fork)
            while len(moves) < _FARTHEST and not guide.is_reached(aim, times):
                move = guide.move(aim)
                wire: dict[str, Any] = action_to_wire(move.action)
                moves.append((str(wire["name"]), dict(wire["arguments"])))
                if aim.answer or aim.question:
                    break
                with suppress(ToolError):
                    device.perform(move.action)
        return moves

    def _shortcut(self, rules: str, told: str, dice: Random) -> ShortcutReply:
        nothing = ShortcutReply(worth_keeping=False)
        if not self._habits.shortcuts:
            return nothing
        is_wrong = dice.random() < self._habits.wrong_proposals
        if _REWRITES[1] in rules:
            if "Tap_and_Write(" in rules:
                return nothing
            return _tap_and_write(list(reversed(_TAP_AND_WRITE)) if is_wrong else _TAP_AND_WRITE)
        for app, kind, chain in _chains(told):
            name = re.sub(r"\W+", "_", f"{kind}_in_{app}")
            if f"- {name}(" not in rules:
                return _proposal(name, app, kind, chain, dice if is_wrong else None)
        return nothing

    def _tips(self, rules: str, told: str, dice: Random) -> TipsReply:
        apps = dict.fromkeys(re.findall(r'Open_App "([^"]+)"', told)) if self._habits.tips else ()
        new = [
            TIPS[app][dice.random() < self._habits.wrong_proposals]
            for app in apps
            if app in TIPS and not any(tip in rules for tip in TIPS[app])
        ]
        if _REWRITES[0] in rules:
            old = rules.partition(_REWRITES[0])[2].partition("\n\n")[0]
            known = [line.removeprefix("- ") for line in old.splitlines() if line.startswith("- ")]
            return TipsReply(tips=[*known, *new])
        why = "the actions in that app"
        return TipsReply(tips=[TipChange(tip=tip, because=why) for tip in new[:3]])


@dataclass(frozen=True, slots=True)
class _Deed:
    number: int
    name: str
    words: str


def _kind(words: str) -> str:
    """A subgoal without what it is about."""
    return re.split(r"['\"]", words)[0].strip()


def _values(ahead: Sequence[tuple[str, dict[str, object]]]) -> dict[str, str | int]:
    """What a shortcut for these actions is given, by the names that proposals use."""
    texts = [str(arguments["text"]) for name, arguments in ahead if name == "Type"]
    given: dict[str, str | int] = {f"text_{n}": text for n, text in enumerate(texts, 1)}
    point = next((arguments for name, arguments in ahead if name == "Tap"), {})
    return given | {name: int(str(point[name])) for name in ("x", "y") if name in point}


def _chains(told: str) -> list[tuple[str, str, list[_Deed]]]:
    """App, kind of subgoal and actions for each app of the run, the last one first."""
    subgoals = _PLANNED.findall(told)
    chains = []
    deeds: list[_Deed] = []
    for number, name, words, purpose, verdict in _DID.findall(told):
        if name == "Open_App":
            deeds = []
            chains.append((words.strip(' "'), deeds))
        if verdict == "A" and purpose.strip() and name != "Back":
            deeds.append(_Deed(int(number), name, words))
    found = []
    for app, chain in reversed(chains):
        mine = [one for one in subgoals if one.endswith(f" in {app}")]
        if app == "Notes":
            mine = [one for one in subgoals if one.startswith("Write the note")]
        if not mine:
            continue
        thing = (re.findall(r"'(.*?)'", mine[0]) or ["\0"])[0]
        ends = next((n for n, one in enumerate(chain) if one.name == "Tap" and thing in one.words),
                    len(chain))  # fmt: skip
        kept = chain[:ends]
        if 3 <= len(kept) <= 12 and not _NOT_CHAINED & {one.name for one in kept}:
            found.append((app, _kind(mine[0]), kept))
    return found


def _proposal(
    name: str, app: str, kind: str, chain: Sequence[_Deed], spoils: Random | None
) -> ShortcutReply:
    """The chain with what was typed as arguments; with dice, wrong in one of four ways."""
    steps, typed = [], 0
    for deed in chain:
        arguments: dict[str, str | int | float] = {}
        if deed.name == "Type":
            typed += 1
            arguments["text"] = f"text_{typed}"
        steps.append(
            ShortcutStepReply(action=deed.name, from_action=deed.number, arguments=arguments)
        )
    described = ", ".join(deed.name for deed in chain)
    if spoils is not None:
        steps = _spoilt(steps, spoils)
    given = dict.fromkeys(str(v) for step in steps for v in step.arguments.values())
    return ShortcutReply(
        worth_keeping=True,
        name=name,
        arguments=list(given),
        description=f"In {app}, {kind}: {described}.",
        precondition="None.",
        steps=steps,
    )


def _spoilt(steps: list[ShortcutStepReply], dice: Random) -> list[ShortcutStepReply]:
    """An action lost, the last one lost, words of the run kept, or texts in each other's place."""
    texts = [n for n, step in enumerate(steps) if step.arguments]
    match dice.choice(("loses one", "ends early", "keeps words", "swaps texts")):
        case "ends early":
            return steps[:-1]
        case "keeps words" if texts:
            bare = steps[texts[-1]].model_copy(update={"arguments": {}})
            return [*steps[: texts[-1]], bare, *steps[texts[-1] + 1 :]]
        case "swaps texts" if len(texts) > 1:
            one, other = texts[:2]
            swapped = list(steps)
            swapped[one] = steps[one].model_copy(update={"arguments": steps[other].arguments})
            swapped[other] = steps[other].model_copy(update={"arguments": steps[one].arguments})
            return swapped
    return [steps[0], *steps[2:]]


def _tap_and_write(steps: list[ShortcutStepReply]) -> ShortcutReply:
    """What the published form of a shortcut can hold: points and texts as arguments."""
    return ShortcutReply(
        worth_keeping=True,
        name="Tap_and_Write",
        arguments=["x", "y", "text_1"],
        description=f"In {_ANY}, anything: Tap, Type.",
        precondition="An input is on the screen.",
        steps=steps,
    )
