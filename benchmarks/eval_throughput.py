"""How close the evaluation harness comes to the ideal rate of a model with a fixed latency.

A model that answers after exactly `--latency` seconds is asked about made pre-experiment items by
`--workers` threads. The ideal is workers / latency steps per second; the claim is at least 90 % of
it at 1 s and 64 workers, with prompts built, replies validated, and results written as in a real
run. The scoring after the run is timed apart.

    python benchmarks/eval_throughput.py [--quick] [--http] [--workers N] [--latency S]
                                         [--rounds N] [--json FILE]

`--quick` does the same with 0.2 s and three rounds of the workers. `--http` puts the model behind
a server of OpenAI's protocol in a process of its own, so that the client's work counts as well, and
so does its start (about a second).
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.queues import Queue
from pathlib import Path

from pydantic import BaseModel

from tapgraph.evals.shortcutsbench.choosers import ModelChooser
from tapgraph.evals.shortcutsbench.evaluate import evaluate_items
from tapgraph.evals.shortcutsbench.freeze import ApiTexts, freeze_pre_experiment
from tapgraph.llm_backend.chat_model import ChatModel, ModelTraits, Reply, ToolSpec
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.settings import Settings

APIS = 1000
CLAIM = 0.9


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run gave."""

    model: str
    workers: int
    latency_s: float
    steps: int
    wall_s: float
    scoring_s: float
    steps_per_s: float
    ideal_steps_per_s: float
    share_of_ideal: float
    cores: int
    python: str


class SlowModel:
    """Answers the first API of the prompt after a fixed time."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s

    @property
    def traits(self) -> ModelTraits:
        """Its name."""
        return ModelTraits("slow")

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
        """An answer of the right form."""
        time.sleep(self._latency_s)
        return Reply('{"Thought": "The first one.", "api_name": "api0"}', model="slow")


class _SlowHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    latency_s = 1.0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.latency_s)
        said = {"role": "assistant", "content": '{"Thought": "", "api_name": "api0"}'}
        body = json.dumps({
            "id": "c",
            "object": "chat.completion",
            "created": 0,
            "model": "slow",
            "choices": [{"index": 0, "finish_reason": "stop", "message": said}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base's name
        pass


class _SlowServer(ThreadingHTTPServer):
    request_queue_size = 512


def serve(latency_s: float, port_of: "Queue[int]") -> None:
    """Answer requests until the process is ended."""
    _SlowHandler.latency_s = latency_s
    server = _SlowServer(("127.0.0.1", 0), _SlowHandler)
    port_of.put(server.server_port)
    server.serve_forever()


@contextlib.contextmanager
def http_model(latency_s: float) -> Iterator[ChatModel]:
    """A slow model behind HTTP, in a process of its own."""
    processes = multiprocessing.get_context("spawn")
    port_of: Queue[int] = processes.Queue()
    process = processes.Process(target=serve, args=(latency_s, port_of), daemon=True)
    process.start()
    try:
        spec = f"http://127.0.0.1:{port_of.get(timeout=60)}/v1#slow"
        yield open_model(spec, Settings.from_environment())
    finally:
        process.terminate()
        process.join()


def measured(model: ChatModel, name: str, workers: int, latency_s: float, rounds: int) -> Measured:
    """One run in a fresh folder."""
    texts = {f"api{n}": f"Does the thing number {n} for whoever asks." * 8 for n in range(APIS)}
    calls = [{"api_name": "api0"}]
    items = workers * rounds
    queries = {f"q{n}": {"query": f"Do thing {n}.", "action_seqs": [*calls]} for n in range(items)}
    frozen = freeze_pre_experiment("toolllm", queries, texts)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        evaluation = evaluate_items(
            frozen,
            ModelChooser(model),
            Path(folder) / "run",
            apis=ApiTexts(texts),
            source="toolllm",
            workers=workers,
        )
        whole_s = time.monotonic() - started
    rate = items / evaluation.wall_s
    ideal = workers / latency_s
    return Measured(
        model=name,
        workers=workers,
        latency_s=latency_s,
        steps=items,
        wall_s=round(evaluation.wall_s, 3),
        scoring_s=round(whole_s - evaluation.wall_s, 3),
        steps_per_s=round(rate, 1),
        ideal_steps_per_s=round(ideal, 1),
        share_of_ideal=round(rate / ideal, 4),
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
    )


def main() -> None:
    """Measure, print, and fail when the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    latency_s, rounds = (0.2, 3) if options.quick else (options.latency, options.rounds)
    if options.http:
        with http_model(latency_s) as model:
            found = measured(model, "http", options.workers, latency_s, rounds)
    else:
        model = SlowModel(latency_s)
        found = measured(model, "in process", options.workers, latency_s, rounds)
    print(
        f"{found.model}: {found.steps} steps, {found.workers} workers at {found.latency_s:g} s: "
        f"{found.steps_per_s:g} steps/s of {found.ideal_steps_per_s:g} ideal "
        f"({found.share_of_ideal:.1%}), scoring {found.scoring_s:g} s, {found.cores} cores"
    )
    if options.json is not None:
        options.json.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    if not options.quick and found.share_of_ideal < CLAIM:
        raise SystemExit(f"below the claimed {CLAIM:.0%}")


if __name__ == "__main__":
    main()
