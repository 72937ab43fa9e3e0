"""What one step of the phone agent costs apart from the model and the phone.

Runs one task of eight actions on a stand-in phone that answers at once, with canned replies, in
both pipelines, and prints per step: our own time (median), the model calls, the prompt tokens and
the pictures. Then it prints what drawing and encoding one picture costs, which happens beside the
steps. With `--tree FILE` (a UI dump) the screens are that dump's instead of the made ones.

    python benchmarks/step_overhead.py [--tree DUMP.xml] [--json FILE]

Tokens are counted three ways: characters / 4, our estimator, and, where Node and the npm package
`js-tiktoken` are at hand (`npm ci` in benchmarks/), by o200k_base.
"""

import argparse
import io
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from xml.sax.saxutils import quoteattr

from PIL import Image
from pydantic import BaseModel

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import PIPELINES, TAPGRAPH, Pipeline
from tapgraph.agents.mobile.replies import (
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    TipsReply,
    VerifierReply,
)
from tapgraph.agents.run.events import ModelCalled, StepTimed
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.llm_backend.chat_model import ModelTraits, Reply
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile import (
    Action,
    ActionReceipt,
    AppInfo,
    Capability,
    Size,
    Tap,
    UiTree,
    parse_ui_tree,
)
from tapgraph.tools.mobile.simulator import build_phone
from tapgraph.tools.token_estimate import estimate_tokens

TASKS = 5
LATENCY_S = 0.2
"""Of every canned reply: short for a model, yet time enough to encode a picture beside it."""

ROLE_OF_SCHEMA: dict[type[BaseModel], str] = {
    ManagerReply: "manager",
    OperatorReply: "operator",
    ReflectorReply: "reflector",
    NotetakerReply: "notetaker",
    VerifierReply: "verifier",
    ShortcutReply: "shortcut_reflector",
    TipsReply: "tips_reflector",
}
PLAIN_ROLES = frozenset({"operator", "reflector", "notetaker"})
WIDTH_PX, HEIGHT_PX = 1080, 2400
TOKEN_COUNTER = Path(__file__).with_name("count_tokens.mjs")

ACTIONS: Sequence[tuple[str, dict[str, Any]]] = (
    ("Open_App", {"app_name": "Maps"}),
    ("Tap_Type_and_Enter", {"element": 1, "text": "bakery near me"}),
    ("Swipe", {"direction": "up"}),
    ("Tap", {"element": 4}),
    ("Home", {}),
    ("Open_App", {"app_name": "Notes"}),
    ("Tap", {"element": 9}),
    ("Type", {"text": "Corner Bakery, 4.6 stars, 0.4 miles, open until 7 pm"}),
)
APPS = (
    "Maps", "Notes", "Settings", "Phone", "Messages", "Camera", "Calendar", "Clock", "Chrome",
    "Gmail", "Photos", "Contacts", "Files", "Calculator", "Weather", "YouTube", "Spotify", "Amazon",
)  # fmt: skip
ROWS = (
    "Corner Bakery", "4.6 stars, 312 reviews", "Open until 7 pm", "0.4 mi, 3 min drive",
    "Sunrise Bread House", "4.3 stars, 98 reviews", "Closed, opens 6 am", "0.9 mi, 5 min drive",
    "The Flour Mill", "4.8 stars, 1,204 reviews", "Open until 9 pm", "1.7 mi, 8 min drive",
    "Maple Street Pastry", "3.9 stars, 57 reviews", "Open until 6 pm", "2.2 mi, 9 min drive",
)  # fmt: skip
ICONS = (
    "Search here", "Voice search", "Account", "Layers", "My location",
    "Explore", "You", "Contribute", "More",
)  # fmt: skip


def made_tree(variant: int) -> str:
    """A list of 16 text lines and 9 icons in 34 nodes; the variants differ in their words."""

    def node(kind: str, text: str, desc: str, box: tuple[int, int, int, int], tag: str) -> str:
        left, top, right, bottom = box
        clickable = "true" if desc else "false"
        return (
            f'<{kind} class="{kind}" package="com.example.maps" text={quoteattr(text)} '
            f'content-desc={quoteattr(desc)} resource-id="com.example.maps:id/{tag}" '
            f'clickable="{clickable}" enabled="true" displayed="true" '
            f'bounds="[{left},{top}][{right},{bottom}]"/>'
        )

    icons = [
        node(
            "android.widget.ImageButton", "", name, (20 + 117 * n, 120, 117 + 117 * n, 230), f"i{n}"
        )
        for n, name in enumerate(ICONS)
    ]
    frame = "android.widget.LinearLayout"
    rows = []
    for start in range(0, len(ROWS), 4):
        lines = "".join(
            node(
                "android.widget.TextView",
                f"{text}{' ' * variant}{'.' * variant}",
                "",
                (40, 300 + 110 * (start + n), 1040, 400 + 110 * (start + n)),
                f"t{start + n}",
            )
            for n, text in enumerate(ROWS[start : start + 4])
        )
        bounds = f"[0,{290 + 110 * start}][1080,{290 + 110 * (start + 4)}]"
        rows.append(
            f'<{frame} class="{frame}" package="com.example.maps" bounds="{bounds}" '
            f'displayed="true" enabled="true" clickable="false">{lines}</{frame}>'
        )
    body = "".join([*icons, *rows])
    for depth in range(5):
        body = (
            f'<{frame} class="{frame}" package="com.example.maps" bounds="[0,0][1080,2400]" '
            f'displayed="true" enabled="true" index="{depth}">{body}</{frame}>'
        )
    return f'<hierarchy rotation="0" width="1080" height="2400">{body}</hierarchy>'


class InstantDevice:
    """A phone without latency: every action shows the next of its screens."""

    name = "stand-in"
    capabilities = frozenset(Capability)

    def __init__(self, trees: Sequence[str]) -> None:
        self._trees = trees
        self._shown = 0
        self._is_typing = False
        self._picture = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), "white")

    def screenshot(self) -> Image.Image:
        return self._picture

    def ui_tree(self) -> UiTree:
        return parse_ui_tree(self._trees[self._shown % len(self._trees)])

    def size(self) -> Size:
        return Size(WIDTH_PX, HEIGHT_PX)

    def perform(self, action: Action) -> ActionReceipt:
        self._shown += 1
        self._is_typing = isinstance(action, Tap)
        return ActionReceipt(action, 0.0)

    def current_app(self) -> AppInfo:
        return AppInfo("com.example.maps", "Maps", ".Search")

    def installed_apps(self) -> Sequence[AppInfo]:
        return [AppInfo(f"com.example.{name.lower()}", name) for name in APPS]

    def local_time(self) -> datetime | None:
        return datetime(2026, 5, 14, 10, 24, tzinfo=UTC)

    def keyboard_shown(self) -> bool:
        return self._is_typing

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class CannedReplies:
    """Plausible replies for the eight actions, then `finished`."""

    def __init__(self) -> None:
        self._actions = 0

    def answer(self, messages: Sequence[Message], schema: type[BaseModel] | None) -> BaseModel:
        if schema is ManagerReply:
            done = self._actions == len(ACTIONS)
            return ManagerReply(
                thought="The plan stands; the search comes before the note.",
                subgoals=[
                    "Search Maps for a bakery near the user",
                    "Open the nearest one that is rated above 4.0",
                    "Write its name and distance into a new note",
                ],
                current=3 if done else 1 + self._actions // 3,
                status="finished" if done else "working",
            )
        if schema is not None and issubclass(schema, OperatorReply):
            name, arguments = ACTIONS[self._actions]
            self._actions += 1
            return OperatorReply(
                thought="This is the next thing to do for the current subgoal on this screen.",
                action=name,
                arguments=arguments,
                description=f"{name} to go on; the screen should show what comes next.",
                completes_subgoal=self._actions in {3, 6, 8},
            )
        return {
            ReflectorReply: ReflectorReply(
                verdict="A", progress="Maps is open and shows bakeries near the user."
            ),
            NotetakerReply: NotetakerReply(
                notes="Corner Bakery: 4.6 stars, 0.4 mi, until 7 pm. The Flour Mill: 4.8 stars."
            ),
            VerifierReply: VerifierReply(complete=True),
            ShortcutReply: ShortcutReply(worth_keeping=False),
            TipsReply: TipsReply(tips=[]),
        }[schema or ReflectorReply]


@dataclass(frozen=True)
class Call:
    """One call of a model, with the step that it belongs to."""

    task: int
    step: int
    role: str
    prompt: str
    images: int
    began_s: float
    ended_s: float


@dataclass(frozen=True)
class PipelineCost:
    """What a step costs; a plain step is one in which no plan was made.

    Attributes:
        own_ms: median of a step's time without model, phone and picture.
        calls: calls of a plain step, and how many of them waited for another (median).
        plain_tokens: prompt tokens of a plain step (median), by each counter.
        task_tokens: prompt tokens of the whole task without the reflectors on experience, by step.
        images: pictures sent in a plain step (median).
        role_tokens: prompt tokens of one call of each role (median), by the best counter at hand.
    """

    pipeline: str
    steps: int
    own_ms: float
    own_ms_p90: float
    calls: float
    calls_in_sequence: float
    plain_tokens: dict[str, float]
    task_tokens: dict[str, float]
    images: float
    role_tokens: dict[str, float]


def run_task(
    pipeline: Pipeline, trees: Sequence[str], folder: Path, memory: MemoryStore, task: int
) -> tuple[list[StepTimed], list[Call]]:
    """The times and the calls of one run of the task."""
    replies = CannedReplies()

    def answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Reply:
        time.sleep(LATENCY_S)
        return Reply(replies.answer(messages, schema).model_dump_json(), latency_s=LATENCY_S)

    pictures: Literal["operator", "all"] = "operator" if pipeline is TAPGRAPH else "all"
    model = ScriptedModel(answer, traits=ModelTraits("canned", pictures=pictures))
    agent = PhoneAgent(
        device=InstantDevice(trees), model=RoleModels(model), memory=memory, pipeline=pipeline
    )
    out = folder / f"{pipeline.name}-{task}"
    result = agent.run("Find the nearest good bakery and write it into a note.", out=out)
    if result.outcome != "success":
        raise SystemExit(f"the task ended with {result.outcome}: {result.reason}")
    timeline = RunFolder.open(out).timeline()
    made = [entry for entry in timeline if isinstance(entry.event, ModelCalled)]
    prompts = prompts_by_role(model)
    calls = []
    for entry in made:
        event = entry.event
        if not isinstance(event, ModelCalled) or event.role.endswith("_reflector"):
            continue
        planned_ahead = event.role == "manager" and pipeline.name == "mobile-agent-e"
        calls.append(
            Call(
                task=task,
                step=event.step + 1 if planned_ahead else event.step,
                role=event.role,
                prompt=next(prompts[event.role]),
                images=event.images,
                began_s=entry.since_start_s - event.latency_s,
                ended_s=entry.since_start_s,
            )
        )
    return [e.event for e in timeline if isinstance(e.event, StepTimed)], calls


def prompts_by_role(model: ScriptedModel) -> dict[str, Iterator[str]]:
    """The texts that each role was sent, in order."""
    found: dict[str, list[str]] = {role: [] for role in ROLE_OF_SCHEMA.values()}
    for request in model.requests:
        text = "\n".join(message.text for message in request.messages)
        role = next(
            role
            for schema, role in ROLE_OF_SCHEMA.items()
            if request.schema is not None and issubclass(request.schema, schema)
        )
        found[role].append(text)
    return {role: iter(texts) for role, texts in found.items()}


def measure(pipeline: Pipeline, trees: Sequence[str], folder: Path) -> PipelineCost:
    """Run the task several times and summarise its steps; the first run only warms up."""
    memory = MemoryStore.open(f"sqlite:///{folder}/memory-{pipeline.name}.db")
    times: list[StepTimed] = []
    calls: list[Call] = []
    for task in range(TASKS + 1):
        timed, made = run_task(pipeline, trees, folder, memory, task)
        if task > 0:
            times += timed
            calls += made
    own_ms = [1000 * (t.total_s - t.model_s - t.device_s - t.picture_s) for t in times]
    steps: dict[tuple[int, int], list[Call]] = {}
    for call in calls:
        if 1 <= call.step <= len(ACTIONS):
            steps.setdefault((call.task, call.step), []).append(call)
    plans_always = pipeline.name == "mobile-agent-e"
    plain = [
        step for step in steps.values()
        if plans_always or all(call.role in PLAIN_ROLES for call in step)
    ]  # fmt: skip
    counters = token_counters()
    return PipelineCost(
        pipeline=pipeline.name,
        steps=len(own_ms),
        own_ms=round(statistics.median(own_ms), 1),
        own_ms_p90=round(statistics.quantiles(own_ms, n=10)[-1], 1),
        calls=statistics.median(len(step) for step in plain),
        calls_in_sequence=statistics.median(longest_sequence(step) for step in steps.values()),
        plain_tokens={
            name: statistics.median(sum(count([call.prompt for call in step])) for step in plain)
            for name, count in counters.items()
        },
        task_tokens={
            name: round(sum(count([call.prompt for call in calls])) / len(own_ms))
            for name, count in counters.items()
        },
        images=statistics.median(sum(call.images for call in step) for step in plain),
        role_tokens=role_tokens(calls, list(counters.values())[-1]),
    )


def role_tokens(
    calls: Sequence[Call], count: Callable[[Sequence[str]], Sequence[float]]
) -> dict[str, float]:
    """Prompt tokens of one call of each role (median)."""
    roles = sorted({call.role for call in calls})
    return {
        role: statistics.median(count([call.prompt for call in calls if call.role == role]))
        for role in roles
    }


def longest_sequence(calls: Sequence[Call]) -> int:
    """The most calls of a step of which each began after the one before it had ended."""
    count, free_at = 0, float("-inf")
    for call in sorted(calls, key=lambda call: call.ended_s):
        if call.began_s >= free_at - LATENCY_S / 4:
            count, free_at = count + 1, call.ended_s
    return count


def token_counters() -> dict[str, Callable[[Sequence[str]], Sequence[float]]]:
    """By name: characters / 4, our estimator and, where it can run, o200k_base."""
    counters: dict[str, Callable[[Sequence[str]], Sequence[float]]] = {
        "chars/4": lambda texts: [len(text) / 4 for text in texts],
        "estimate": lambda texts: [estimate_tokens(text) for text in texts],
    }
    node = shutil.which("node")
    if node and (TOKEN_COUNTER.parent / "node_modules" / "js-tiktoken").is_dir():
        counters["o200k"] = lambda texts: count_o200k(node, tuple(texts))
    return counters


@cache
def count_o200k(node: str, texts: tuple[str, ...]) -> Sequence[int]:
    """Tokens of each text by o200k_base, counted by js-tiktoken."""
    done = subprocess.run(
        [node, str(TOKEN_COUNTER)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    counts: list[int] = json.loads(done.stdout)
    return counts


def picture_costs() -> dict[str, float]:
    """Milliseconds (median of 10) to draw a screen that was not shown before, and to encode it."""
    phone = build_phone(seed=7)
    drawn = []
    for turn in range(10):
        phone.open_app(("com.android.settings", "com.walmart.android")[turn % 2])
        drawn.append(timed(phone.screenshot))
    picture = phone.screenshot()
    encoders: dict[str, Callable[[], object]] = {
        "png": lambda: picture.save(io.BytesIO(), "PNG", compress_level=1),
        "webp lossless": lambda: picture.save(io.BytesIO(), "WEBP", lossless=True, method=0),
        "jpeg": lambda: picture.save(io.BytesIO(), "JPEG", quality=85),
    }
    costs = {
        name: statistics.median(timed(run) for _ in range(10)) for name, run in encoders.items()
    }
    return {name: round(ms, 1) for name, ms in {"draw": statistics.median(drawn), **costs}.items()}


def timed(run: Callable[[], object]) -> float:
    """How many milliseconds one call takes."""
    began = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Measure both pipelines and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", type=Path, help="a UI dump to use instead of the made screens")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    given = parser.parse_args()
    trees = [made_tree(0), made_tree(1)]
    if given.tree:
        dump = given.tree.read_text("utf-8")
        trees = [dump, re.sub(r' text="([^"]+)"', r' text="\1."', dump, count=1)]
    with tempfile.TemporaryDirectory() as folder:
        costs = [measure(pipeline, trees, Path(folder)) for pipeline in PIPELINES.values()]
    pictures = picture_costs()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    nodes = sum(1 for _ in parse_ui_tree(trees[0]).walk())
    print(f"machine: {machine}")
    print(f"screen: {nodes} nodes; {TASKS} tasks of {len(ACTIONS)} actions\n")
    for cost in costs:
        print(cost.pipeline)
        print(f"  own time per step     {cost.own_ms} ms median, {cost.own_ms_p90} ms p90")
        print(f"  model calls           {cost.calls:g}, {cost.calls_in_sequence:g} in sequence")
        print(f"  prompt tokens, plain  {tokens_text(cost.plain_tokens)}")
        print(f"  prompt tokens, task   {tokens_text(cost.task_tokens)}")
        by_role = ", ".join(f"{role} {count:,.0f}" for role, count in cost.role_tokens.items())
        print(f"  prompt tokens, role   {by_role}")
        print(f"  images                {cost.images:g}")
    print(
        "one picture, beside the steps: "
        + ", ".join(f"{name} {ms} ms" for name, ms in pictures.items())
    )
    if given.json:
        report = {"machine": machine, "nodes": nodes, "pictures_ms": pictures,
                  "pipelines": [asdict(cost) for cost in costs]}  # fmt: skip
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def tokens_text(tokens: dict[str, float]) -> str:
    """All counts in one line."""
    return ", ".join(f"{count:,.0f} ({name})" for name, count in tokens.items())


if __name__ == "__main__":
    main()
