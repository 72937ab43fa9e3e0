"""What the phone agent's real prompts cost a local model: this engine, an older one, and others.

The demonstrator does tasks of the suite `sim` with all roles; every call is recorded (messages,
schema, reply, which calls ran side by side). Then the calls are played to an engine in a process of
its own: it reads the prompts, chooses the recorded replies under their grammar (the sampler is told
what to say, so that all engines say the same), and nothing else is changed. Servers of others get
the same calls over HTTP, without the schema, and say what they like, up to the length of the
recorded reply.

    python benchmarks/agent_load.py --model PATH [--before CHECKOUT] [--engine NAME ...]
        [--server NAME=URL[@PID] ...] [--task NAME ...] [--json FILE]

Ratios are within one run. On a machine that does other things too, compare `cpu_seconds` (with
OMP_NUM_THREADS=1, they are about what the run takes alone). `--before` is a
checkout of an older version; `--server` may be llama.cpp's (`llama_cpp_server.mjs`) or that of
`transformers serve`, whose `cpu_seconds` are told when its process id is.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import torch
from made_checkpoint import make_like
from pydantic import BaseModel

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.evals.phone.sim_check import task_named
from tapgraph.llm_backend.chat_model import ModelTraits, Reply
from tapgraph.llm_backend.local.chat import ChatRequest, prepare_chat
from tapgraph.llm_backend.local.chat_prompt import ChatTurn
from tapgraph.llm_backend.local.checkpoint import load_checkpoint, multiplies_bfloat16
from tapgraph.llm_backend.local.constraints import JsonSchema
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import GenerationRequest, Sampling
from tapgraph.llm_backend.messages import Message, TextPart
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.tools.mobile.simulator import SimulatedDevice, build_phone

TASKS = ("order_cheapest",)
SIDE_BY_SIDE_S = 0.3
"""How long a recorded reply takes, so that calls of parallel branches overlap."""


class Recorder:
    """The demonstrator, as a local model would be asked; notes every call."""

    def __init__(self, model: Demonstrator) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._over = 0
        self.calls: list[dict[str, Any]] = []

    @property
    def traits(self) -> ModelTraits:
        """Those of a local model."""
        return replace(self._model.traits, enforces_schemas=True)

    def reply(
        self, messages: Sequence[Message], *, schema: type[BaseModel] | None = None, **_: Any
    ) -> Reply:
        """What the demonstrator says."""
        with self._lock:
            call: dict[str, Any] = {"after": self._over, "schema": None}
            self.calls.append(call)
        reply = self._model.reply(messages, schema=schema)
        time.sleep(SIDE_BY_SIDE_S)
        call["messages"] = [
            [message.role, [part.text for part in message.parts if isinstance(part, TextPart)]]
            for message in messages
        ]
        call["schema"] = None if schema is None else schema.model_json_schema()
        call["reply"] = _said(reply.parsed)
        with self._lock:
            self._over += 1
        return reply


def _said(answer: BaseModel | None) -> Any:
    if answer is None:
        raise TypeError("the demonstrator answers every role")
    said: dict[str, Any] = answer.model_dump(mode="json", exclude={"repairs"})
    if isinstance(answer, OperatorReply):
        call = {"action": said.pop("action"), "arguments": said.pop("arguments")}
        said = {"thought": said.pop("thought"), "call": call, **said}
    return said


def record(tasks: Sequence[str]) -> list[dict[str, Any]]:
    """The calls of all tasks, one task after the other."""
    calls: list[dict[str, Any]] = []
    for name in tasks:
        task, phone = task_named(name, 0), build_phone(seed=0)
        if task.route is None:
            raise SystemExit(f"no route is known for {name!r}")
        recorder = Recorder(Demonstrator(task.route, phone))
        with SimulatedDevice(phone) as device, tempfile.TemporaryDirectory() as folder:
            agent = PhoneAgent(device, RoleModels(recorder))
            agent.run(task.instruction, out=Path(folder) / "run", seed=0)
        for call in recorder.calls:
            call["after"] += len(calls)
        calls += recorder.calls
    return calls


class Prompter:
    """In the place of a sampler: chooses what was recorded."""

    scripts: Sequence[Sequence[int]] = ()
    is_greedy = takes_the_likeliest = False

    def __init__(self, sampling: Sampling, *_: Any, **__: Any) -> None:
        self._tokens = iter(self.scripts[sampling.seed or 0])

    def choose(self, *_: Any, **__: Any) -> int:
        """The next token."""
        return next(self._tokens)

    def note(self, token: int) -> None:
        """Nothing that was said changes what is said next."""


def play(calls: Sequence[dict[str, Any]], model: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Play the calls to an engine of the version that is imported here."""
    from tapgraph.llm_backend.local import reply_in_progress  # noqa: PLC0415

    is_int8 = given.dtype == "int8"
    dtype = "bfloat16" if is_int8 else given.dtype
    checkpoint = load_checkpoint(model, device="cpu", dtype=dtype)
    if is_int8:
        from tapgraph.llm_backend.local.int8_weights import quantize_linear_layers  # noqa: PLC0415

        quantize_linear_layers(checkpoint.model)
    scripts, requests = [], []
    for place, call in enumerate(calls):
        separators = (",", ":") if given.compact else None
        said = json.dumps(call["reply"], ensure_ascii=False, separators=separators)
        backend: Any = checkpoint.tokenizer
        tokens = backend.backend_tokenizer.encode(said, add_special_tokens=False).ids
        scripts.append([*tokens, min(checkpoint.end_tokens)])
        requests.append(_request(checkpoint, call, place))
    reply_in_progress.Sampler = Prompter  # type: ignore[attr-defined,assignment]
    Prompter.scripts = scripts
    engine = Engine(checkpoint)
    began, began_cpu = time.perf_counter(), time.process_time()
    finished = in_their_order(calls, lambda place: engine.submit(requests[place]).result())
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
    now: Any = engine.statistics
    engine.close()
    return {
        "calls": len(calls),
        "prompt_tokens": now.prompt_tokens,
        "computed_prompt_tokens": now.prompt_tokens - now.cached_tokens,
        "reply_tokens": now.completion_tokens,
        "passes_a_reply_token": round(
            getattr(now, "reply_passes", now.completion_tokens) / now.completion_tokens, 3
        ),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "kept_mib": round((now.prefix_bytes + now.cache_bytes) / 2**20, 1),
        "most_mib_of_process": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "replies_as_recorded": all(
            json.loads(one.text) == call["reply"] for one, call in zip(finished, calls, strict=True)
        ),
    }


def _request(checkpoint: Any, call: dict[str, Any], place: int) -> GenerationRequest:
    turns = tuple(
        ChatTurn(role, tuple(TextPart(part) for part in parts)) for role, parts in call["messages"]
    )
    constraint = None if call["schema"] is None else JsonSchema(call["schema"])
    request = ChatRequest(turns, constraint=constraint, sampling=Sampling(1.0, seed=place))
    return prepare_chat(checkpoint, request).request


def in_their_order(calls: Sequence[dict[str, Any]], ask: Any) -> list[Any]:
    """Ask all; each as soon as so many are answered as were when it was recorded."""
    answered, changed = [0], threading.Condition()

    def one(place: int) -> Any:
        with changed:
            changed.wait_for(lambda: answered[0] >= calls[place]["after"])
        reply = ask(place)
        with changed:
            answered[0] += 1
            changed.notify_all()
        return reply

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(one, range(len(calls))))


def play_over_http(calls: Sequence[dict[str, Any]], server: str, model: str) -> dict[str, Any]:
    """Play the calls to a server that speaks OpenAI's protocol."""
    url, _, process = server.partition("@")
    client = httpx.Client(timeout=3600)
    usage = {"prompt_tokens": 0, "completion_tokens": 0}

    def ask(place: int) -> None:
        call = calls[place]
        said = json.dumps(call["reply"])
        reply = client.post(
            f"{url}/chat/completions",
            json={
                "model": model,
                "messages": [
                    {"role": role, "content": "\n".join(parts)} for role, parts in call["messages"]
                ],
                "max_tokens": max(1, len(said) // 4),
                "temperature": 0,
            },
        )
        reply.raise_for_status()
        for name in usage:
            usage[name] += (reply.json().get("usage") or {}).get(name, 0)

    began, began_cpu = time.perf_counter(), cpu_seconds_of(process)
    in_their_order(calls, ask)
    spent = {"seconds": time.perf_counter() - began}
    if process:
        spent["cpu_seconds"] = cpu_seconds_of(process) - began_cpu
    return {name: round(value, 2) for name, value in spent.items()} | usage


def cpu_seconds_of(process: str) -> float:
    """What a process has used of processors so far; 0 where there is no id."""
    if not process:
        return 0.0
    after_its_name = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(map(int, after_its_name[11:13])) / os.sysconf("SC_CLK_TCK")


def played(name: str, calls: Path, given: argparse.Namespace, **options: Any) -> dict[str, Any]:
    """The numbers of one engine, from a process of its own."""
    source = options.pop("source", None)
    command = [sys.executable, __file__, "--model", str(given.model), "--play", str(calls)]
    for option, value in options.items():
        command += [f"--{option}"] if value is True else [f"--{option}", str(value)]
    environment = dict(os.environ)
    if source is not None:
        environment["PYTHONPATH"] = str(source / "src")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    numbers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name:20} {json.dumps(numbers)}", flush=True)
    return numbers


def main() -> None:
    """Record, play, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint's folder")
    parser.add_argument("--before", type=Path, help="a checkout of an older version")
    parser.add_argument(
        "--engine",
        action="append",
        choices=("before", "float32", "default", "int8"),
        help="only this one of ours",
    )
    parser.add_argument("--server", action="append", default=[], metavar="NAME=URL[@PID]")
    parser.add_argument("--task", action="append", help="of the suite sim")
    parser.add_argument("--calls", type=int, help="only the first so many calls")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    parser.add_argument(
        "--made",
        action="store_true",
        help="a random Llama of 30 million parameters with that checkpoint's tokenizer instead",
    )
    parser.add_argument("--play", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--dtype", default="auto", help=argparse.SUPPRESS)
    parser.add_argument("--compact", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.play:
        calls = json.loads(given.play.read_text("utf-8"))
        print(json.dumps(play(calls, given.model, given)))
        return
    compare(given)


def compare(given: argparse.Namespace) -> None:
    """Every engine in turn, round after round."""
    results: dict[str, list[dict[str, Any]]] = {}
    calls = record(given.task or TASKS)[: given.calls]
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(folder) / "calls.json"
        recorded.write_text(json.dumps(calls), "utf-8")
        if given.made:
            given.model = make_like(Path(folder) / "made", given.model, hidden=384, layers=6)
        for _ in range(given.rounds):
            runs: dict[str, Any] = {}
            if given.before:
                runs["before"] = {"source": given.before, "compact": True, "dtype": "float32"}
            if multiplies_bfloat16():  # else it is the default
                runs["float32"] = {"dtype": "float32"}
            runs |= {"default": {}, "int8": {"dtype": "int8"}}
            for name in given.engine or runs:
                options = runs[name]
                numbers = played(name, recorded, given, **options)
                results.setdefault(name, []).append(numbers)
            for server in given.server:
                name, _, url = server.partition("=")
                numbers = play_over_http(calls, url, str(given.model))
                print(f"{name:20} {json.dumps(numbers)}", flush=True)
                results.setdefault(name, []).append(numbers)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    print(f"machine: {machine}")
    if given.json:
        given.json.write_text(
            json.dumps({"machine": machine, "model": given.model.name, "runs": results}, indent=2)
            + "\n",
            "utf-8",
        )


if __name__ == "__main__":
    main()
