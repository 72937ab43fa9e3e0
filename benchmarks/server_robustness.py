"""What `tapgraph serve` stands: invented and spoilt requests, clients that leave, long full queues.

    python benchmarks/server_robustness.py fuzz [--requests 10000]
    python benchmarks/server_robustness.py mutate [--requests 10000]
    python benchmarks/server_robustness.py leave [--times 200]
    python benchmarks/server_robustness.py soak [--minutes 30]

Each starts a server of its own over a tiny random checkpoint, and ends with exit code 1 if the
server failed: an answer 500, a hang, a slot that stays taken, memory that grows. `--json FILE`
keeps the numbers. `fuzz` needs schemathesis, which takes three quarters of the time to invent them.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from backend import free_port, served
from made_checkpoint import make_checkpoint
from mutated_requests import PIXEL, mutated, plain_requests

_GROWTH = 1.05
_KEPT_MIB = 16
_OF_A_TURN = 150
"""Requests to one endpoint that are invented from one seed."""


@dataclass(frozen=True)
class Target:
    """A server to try; `process` is its process id."""

    root: str
    model: str
    process: int

    def measured(self, name: str) -> float:
        """One of the server's own numbers."""
        lines = httpx.get(f"{self.root}/metrics", timeout=60).text.splitlines()
        values = dict(line.split(" ") for line in lines if not line.startswith("#"))
        return float(values[f"tapgraph_{name}"])

    def in_use(self) -> float:
        """Requests that have a slot or wait for one."""
        return self.measured("requests_running") + self.measured("requests_waiting")

    def memory_mib(self) -> float:
        """Resident memory of the server."""
        status = Path(f"/proc/{self.process}/status").read_text("utf-8")
        kib = next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]
        return int(kib) / 1024


@contextmanager
def tried_server(context_tokens: int) -> Iterator[Target]:
    """A server over a tiny checkpoint, with few slots, so that the queue is often full."""
    with tempfile.TemporaryDirectory() as folder:
        path = make_checkpoint(Path(folder) / "tiny", hidden=128, layers=2, vocabulary=512)
        vectors = path.with_name("tiny-vectors")
        vectors.symlink_to(path)
        port = free_port()
        command = [
            str(Path(sys.executable).parent / "tapgraph"), "serve", "--port", str(port),
            "--model", f"{path}?prefix_mib={_KEPT_MIB}&context_tokens={context_tokens}",
            "--embeddings", f"{vectors}?device=cpu",
            "--running", "4", "--waiting", "8", "--timeout-s", "60",
        ]  # fmt: skip
        with served(command, port, "/health") as process:
            yield Target(f"http://127.0.0.1:{port}", path.name, process)


def fuzz(target: Target, given: argparse.Namespace) -> dict[str, Any]:
    """Requests that schemathesis invents from our OpenAPI document; none may give 500 or hang.

    An answer that says that something failed counts as a 500, since a stream has begun with 200
    then. With `--json` a turn is written when it is over, and a later call goes on after it.
    """
    import schemathesis  # noqa: PLC0415 - needed here alone

    schema = schemathesis.openapi.from_dict(fuzzed_document(target))
    found: Any = list(schema.get_all_operations())
    operations = [result.ok() for result in found]
    told = _turns_so_far(given)
    statuses: Counter[str] = Counter(told["statuses"])
    failures: list[str] = told["failures"]

    def send(case: Any) -> None:
        try:
            response = case.call(base_url=target.root, timeout=90)
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes into the report
            failures.append(f"{case.operation.label}: {type(error).__name__}: {error}"[:300])
            return
        statuses[f"{case.operation.label} {response.status_code}"] += 1
        status, text = response.status_code, response.text
        if status == 500 or (status == 200 and " failed: " in text):
            failures.append(f"{case.operation.label} {text[:300]}: {case.body!r}"[:1800])

    while sum(statuses.values()) < given.requests and len(failures) < 20:
        for operation in operations:
            most = min(_OF_A_TURN, given.requests - sum(statuses.values()))
            if operation.method.lower() == "post":
                send_invented(operation, most, given.seed + told["turns"], send)
            elif not told["turns"]:
                send_invented(operation, min(20, most), given.seed, send)
        told |= {
            "requests": sum(statuses.values()),
            "turns": told["turns"] + 1,
            "statuses": dict(sorted(statuses.items())),
            "failures": failures,
        }
        if given.json:
            given.json.write_text(json.dumps({"fuzz": told}), "utf-8")
        print(f"{told['requests']} sent, {len(failures)} failed", flush=True)
    return told | {"ok": not failures and target.in_use() == 0}


def _turns_so_far(given: argparse.Namespace) -> dict[str, Any]:
    """What an earlier call with this seed has left unfinished, or nothing."""
    new = {"requests": 0, "seed": given.seed, "turns": 0, "statuses": {}, "failures": []}
    if given.json is None or not given.json.exists():
        return new
    left: dict[str, Any] = json.loads(given.json.read_text("utf-8"))["fuzz"]
    is_unfinished = "ok" not in left and left["seed"] == given.seed
    return left if is_unfinished else new


def fuzzed_document(target: Target) -> Any:
    """Our OpenAPI document, with this model's name, its tokens, short replies and real pictures.

    Else nearly every request would end at an invented name, or run for minutes.
    """
    document = httpx.get(f"{target.root}/openapi.json", timeout=60).json()
    for name, schema in document["components"]["schemas"].items():
        properties = schema.get("properties", {})
        for picture in {"url", "data"} & set(properties):
            properties[picture] = {"enum": [PIXEL, PIXEL.partition(",")[2], ""]}
        if not name.endswith("Request"):
            continue
        served = f"{target.model}-vectors" if name.startswith("Embeddings") else target.model
        properties["model"] = {"enum": [served]}
        for limit in ("max_tokens", "max_output_tokens"):
            if limit in properties:
                properties[limit] = {"type": "integer", "minimum": 1, "maximum": 8}
                schema["required"] = [*schema["required"], limit]
        properties.pop("max_completion_tokens", None)
        for text in {"prompt", "input"} & set(properties):
            properties[text] = _with_tokens(properties[text])
    return document


def _with_tokens(schema: Any) -> Any:
    """A schema of texts in which nothing is empty, and numbers are tokens."""
    if isinstance(schema, list):
        return [_with_tokens(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    least = {"string": {"minLength": 1}, "array": {"minItems": 1}}
    within = {"integer": {"minimum": 0, "maximum": 299}} | least
    narrowed = {name: _with_tokens(one) for name, one in schema.items()}
    return narrowed | within.get(str(schema.get("type")), {})


def send_invented(operation: Any, requests: int, number: int, send: Callable[[Any], None]) -> None:
    """Send requests for one operation that hypothesis draws from its schema."""
    from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: PLC0415 - as above

    if requests < 1:
        return
    draw = given(case=operation.as_strategy())
    limits = settings(
        max_examples=requests,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    seed(number)(limits(draw(lambda case: send(case))))()


def mutate(target: Target, given: argparse.Namespace) -> dict[str, Any]:
    """Valid requests of every dialect, each with a few parts changed; none may give 500 or hang.

    What is valid is sent first and must be answered. An answer that says that something failed
    counts as a 500, since a stream has begun with 200 then.
    """
    statuses: Counter[str] = Counter()
    failures: list[str] = []

    def send(connection: httpx.Client, path: str, body: dict[str, Any]) -> int:
        raw = json.dumps(body).encode()
        try:
            reply = connection.post(path, content=raw, headers={"Content-Type": "application/json"})
            text, status = reply.text, reply.status_code
        except httpx.HTTPError as error:
            text, status = f"failed: {type(error).__name__}: {error}", 0
        statuses[f"{path} {status}"] += 1
        if status in {0, 500} or (status == 200 and " failed: " in text):
            failures.append(f"{path} {status} {text[:300]}: {raw.decode()[:1500]}")
        return status

    plain = list(plain_requests(target.model, f"{target.model}-vectors"))

    def client(seed: int) -> None:
        draw = random.Random(seed)
        with httpx.Client(base_url=target.root, timeout=90) as connection:
            for _ in range(given.requests // 4):
                send(connection, *mutated(draw.choice(plain), draw))
                if len(failures) > 20:
                    return

    with httpx.Client(base_url=target.root, timeout=90) as connection:
        refused = [path for path, body in plain if send(connection, path, body) != 200]
    clients = [threading.Thread(target=client, args=(given.seed + n,)) for n in range(4)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return {
        "requests": sum(statuses.values()),
        "statuses": dict(sorted(statuses.items())),
        "valid_ones_refused": refused,
        "failures": failures,
        "ok": not failures and target.in_use() == 0,
    }


def leave(target: Target, given: argparse.Namespace) -> dict[str, Any]:
    """Clients that go away in the middle of a stream; each must free its slot."""
    generator = random.Random(given.seed)
    stuck = 0
    slowest_s = 0.0
    for _ in range(given.times):
        request = {
            "model": target.model,
            "messages": [{"role": "user", "content": "Go on."}],
            "max_tokens": 1500,
            # The likeliest token never ends this model's turn.
            "temperature": 0,
            "stream": True,
        }
        url = f"{target.root}/v1/chat/completions"
        with httpx.stream("POST", url, json=request, timeout=60) as stream:
            lines = stream.iter_lines()
            for _ in range(generator.randint(1, 12)):
                next(lines)
        left = time.monotonic()
        while target.in_use() and time.monotonic() < left + 20:
            time.sleep(0.01)
        stuck += target.in_use() > 0
        slowest_s = max(slowest_s, time.monotonic() - left)
    return {
        "times": given.times,
        "stuck": stuck,
        "slowest_release_s": round(slowest_s, 3),
        "ok": stuck == 0,
    }


def soak(target: Target, given: argparse.Namespace) -> dict[str, Any]:
    """More clients than the queue holds, for long; memory must stay flat once it is warm.

    They chat, and send every other request of `plain_requests` in between. Compared are the medians
    of resident memory over the second and the last tenth of the time. At the end no reply may hold
    keys and values any more, and no more may be kept than the server was allowed.
    """
    end = time.monotonic() + 60 * given.minutes
    statuses: Counter[int] = Counter()
    every = plain_requests(target.model, f"{target.model}-vectors")
    others = [one for one in every if "image_url" not in str(one)]

    def client(seed: int) -> None:
        draw = random.Random(seed)
        with httpx.Client(base_url=target.root, timeout=120) as connection:
            while time.monotonic() < end:
                path, request = _chat(target.model, draw)
                if draw.random() < 0.3:
                    path, request = draw.choice(others)
                reply = connection.post(path, json=request)
                statuses[reply.status_code] += 1
                if reply.status_code == 429:
                    time.sleep(0.1)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for each in clients:
        each.start()
    memory: list[float] = []
    pages: list[float] = []
    while time.monotonic() < end:
        time.sleep(min(5.0, 0.6 * given.minutes))
        memory.append(target.memory_mib())
        pages.append(target.measured("prefix_bytes") + target.measured("cache_bytes"))
    for each in clients:
        each.join()
    tenth = max(1, len(memory) // 10)
    early = statistics.median(memory[tenth : 2 * tenth])
    late = statistics.median(memory[-tenth:])
    left, kept = target.measured("cache_bytes"), target.measured("prefix_bytes")
    return {
        "minutes": given.minutes,
        "replies": {str(status): count for status, count in sorted(statuses.items())},
        "early_mib": round(early, 1),
        "late_mib": round(late, 1),
        "growth": round(late / early, 4),
        "early_keys_and_values_mib": round(statistics.median(pages[tenth : 2 * tenth]) / 2**20, 2),
        "late_keys_and_values_mib": round(statistics.median(pages[-tenth:]) / 2**20, 2),
        "kept_at_the_end_mib": round(kept / 2**20, 2),
        "of_replies_at_the_end_mib": round(left / 2**20, 2),
        "ok": late <= _GROWTH * early
        and set(statuses) <= {200, 429}
        and target.in_use() == left == 0
        and kept <= _KEPT_MIB * 2**20,
    }


def _chat(model: str, draw: random.Random) -> tuple[str, dict[str, Any]]:
    words = ["milk", "bread", "notes", "maps"]
    instruction = "Do as you are told. " * draw.randint(1, 9)
    return "/v1/chat/completions", {
        "model": model,
        "messages": [
            {"role": "system", "content": instruction},
            {"role": "user", "content": " ".join(draw.choices(words, k=40))},
        ],
        "max_tokens": draw.randint(1, 60),
    }


TRIALS: dict[str, Callable[[Target, argparse.Namespace], dict[str, Any]]] = {
    "fuzz": fuzz,
    "mutate": mutate,
    "leave": leave,
    "soak": soak,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one trial, print what happened, and say by the exit code whether the server stood it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("trial", choices=TRIALS)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    given = parser.parse_args(arguments)
    with tried_server(1024 if given.trial == "mutate" else 2048) as target:
        result = TRIALS[given.trial](target, given)
    result["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    text = json.dumps({given.trial: result}, indent=2)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", "utf-8")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
