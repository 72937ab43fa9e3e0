"""The local backend beside plain `transformers` and `transformers serve`, with one checkpoint.

A random Llama is made (its weights do not matter for time), and the same chat is answered greedily
by four parties in turn, round after round, so that a busy machine slows all of them alike:

    generate             model.generate of transformers, in this process
    engine               our engine, in this process
    transformers serve   over HTTP, streaming
    tapgraph serve       over HTTP, streaming

This process keeps freed memory, as the `tapgraph` command does, for both parties in it alike.
Told are medians of the time to the first token, of the decode rate after it, and their ratios.
Then 1, 4 and 16 chats at once are sampled by the engine, and by `generate` as one padded batch: the
time until all are answered, and CPU seconds, to be compared on a busy machine. (Sampled, for a
random model that is greedy soon repeats itself, which the engine foresees.) What agents share of
their prompts is in `agent_load.py`.

    python benchmarks/backend.py [--hidden 512 --layers 8 --prompt 1024 --tokens 64] [--at-once]
        [--json FILE]
"""

import argparse
import contextlib
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import torch
import transformers
from made_checkpoint import make_checkpoint
from transformers import AutoModelForCausalLM, AutoTokenizer

from tapgraph.llm_backend.local.chat import ChatRequest, prepare_chat
from tapgraph.llm_backend.local.chat_prompt import ChatTurn
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.freed_memory import keep_freed_memory
from tapgraph.llm_backend.local.generation import Delta, Sampling
from tapgraph.llm_backend.messages import TextPart

WORDS = (
    "tap", "swipe", "open", "notes", "maps", "search", "milk", "bread", "bakery", "screen",
    "button", "list", "scroll", "back",
)  # fmt: skip


@dataclass(frozen=True)
class Timing:
    """One reply: seconds to its first token, and tokens a second after it."""

    first_s: float
    rate: float


Party = Callable[[str, int], Timing]


def text_of(tokens: int, seed: int) -> str:
    """Words of about so many tokens (each is one, with its blank)."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(WORDS), (tokens,), generator=generator).tolist()
    return " ".join(WORDS[index] for index in drawn)


def timed(began: float, arrivals: list[float]) -> Timing:
    """From when tokens came."""
    return Timing(arrivals[0] - began, (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]))


def generate_party(path: Path) -> Party:
    """`model.generate`, with a streamer that notes when tokens come."""
    model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(path)

    def answer(text: str, tokens: int) -> Timing:
        arrivals: list[float] = []

        class Clock:
            def put(self, _: torch.Tensor) -> None:
                arrivals.append(time.perf_counter())

            def end(self) -> None: ...

        began = time.perf_counter()
        inputs: Any = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        with torch.inference_mode():
            model.generate(
                **inputs,
                max_new_tokens=tokens,
                do_sample=False,
                streamer=Clock(),
                eos_token_id=None,
                pad_token_id=0,
            )
        # The streamer is first shown the prompt.
        return timed(began, arrivals[1:])

    return answer


def engine_party(engine: Engine) -> Party:
    """Our engine in this process."""

    def answer(text: str, tokens: int) -> Timing:
        began = time.perf_counter()
        chat = prepare_chat(
            engine.checkpoint,
            ChatRequest(
                (ChatTurn("user", (TextPart(text),)),), max_tokens=tokens, sampling=Sampling(0)
            ),
        )
        arrivals: list[float] = []
        for event in engine.submit(chat.request):
            if isinstance(event, Delta):
                arrivals += [time.perf_counter()] * len(event.tokens)
        return timed(began, arrivals)

    return answer


def http_party(url: str, model: str) -> Party:
    """A server with OpenAI's protocol; every streamed piece counts as the tokens it brings."""
    client = httpx.Client(timeout=600)

    def answer(text: str, tokens: int) -> Timing:
        request = {
            "model": model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": tokens,
            "temperature": 0,
            "stream": True,
        }
        arrivals: list[float] = []
        began = time.perf_counter()
        with client.stream("POST", f"{url}/chat/completions", json=request) as reply:
            reply.raise_for_status()
            for line in reply.iter_lines():
                if line.startswith("data: {"):
                    choices = json.loads(line[6:])["choices"]
                    if choices and choices[0]["delta"].get("content"):
                        arrivals.append(time.perf_counter())
        first, last = arrivals[0], arrivals[-1]
        return Timing(first - began, (tokens - 1) / (last - first))

    return answer


@contextmanager
def served(command: list[str], port: int, health: str) -> Iterator[int]:
    """A server as a process, from when it answers until it is left; gives its process id."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 180
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"http://127.0.0.1:{port}{health}").status_code == 200:
                        break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[0]} did not start")
                time.sleep(0.2)
            yield process.pid
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def compare(parties: Mapping[str, Party], given: argparse.Namespace) -> dict[str, Timing]:
    """Medians over rounds in which each party answers a text that it has not seen."""
    timings: dict[str, list[Timing]] = {name: [] for name in parties}
    for turn in range(given.rounds + 1):
        for name, party in parties.items():
            timing = party(text_of(given.prompt, turn), given.tokens)
            if turn:
                timings[name].append(timing)
    return {
        name: Timing(
            round(statistics.median(one.first_s for one in each), 4),
            round(statistics.median(one.rate for one in each), 1),
        )
        for name, each in timings.items()
    }


def at_once(path: Path, engine: Engine, given: argparse.Namespace) -> dict[str, Any]:
    """How many times as fast the engine answers several chats as one batch of `generate`.

    Medians over rounds of the time, and of what both took of processors.
    """
    model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
    ratios: dict[str, Any] = {}
    for count in (1, 4, 16):
        theirs, ours = [], []
        for turn in range(given.rounds + 1):
            texts = [text_of(given.prompt, 1000 * turn + one) for one in range(count)]
            theirs.append(_spent(partial(_batched, model, tokenizer, texts, given.tokens)))
            ours.append(_spent(partial(_submitted, engine, texts, given.tokens)))
        seconds, cpu_seconds = (
            round(statistics.median(them) / statistics.median(us), 3)
            for them, us in zip(
                zip(*theirs[1:], strict=True), zip(*ours[1:], strict=True), strict=True
            )
        )
        ratios[f"{count} at once"] = {"seconds": seconds, "cpu_seconds": cpu_seconds}
    return ratios


def _spent(answer: Callable[[], None]) -> tuple[float, float]:
    began, began_cpu = time.perf_counter(), time.process_time()
    answer()
    return time.perf_counter() - began, time.process_time() - began_cpu


def _batched(model: Any, tokenizer: Any, texts: list[str], tokens: int) -> None:
    inputs = tokenizer.apply_chat_template(
        [[{"role": "user", "content": text}] for text in texts],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
        padding=True,
    )
    with torch.inference_mode():
        model.generate(
            **inputs, max_new_tokens=tokens, do_sample=True, eos_token_id=None, pad_token_id=0
        )


def _submitted(engine: Engine, texts: list[str], tokens: int) -> None:
    streams = []
    for seed, text in enumerate(texts):
        turns = (ChatTurn("user", (TextPart(text),)),)
        asked = ChatRequest(turns, max_tokens=tokens, sampling=Sampling(1.0, seed=seed))
        streams.append(engine.submit(prepare_chat(engine.checkpoint, asked).request))
    for stream in streams:
        stream.result()


def main() -> None:
    """Make the checkpoint, measure, print, and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--prompt", type=int, default=1024, help="tokens of the prompt")
    parser.add_argument("--tokens", type=int, default=64, help="tokens of the reply")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-once", action="store_true", help="only several chats at once")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    given = parser.parse_args()
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        path = make_checkpoint(Path(folder) / "made", hidden=given.hidden, layers=given.layers)
        checkpoint = load_checkpoint(path, dtype="float32")
        engine = opened.enter_context(Engine(checkpoint, None, EngineLimits(prefix_bytes=0)))
        timings = {} if given.at_once else compare(parties(path, engine, opened), given)
        together = at_once(path, engine, given)
    report(timings, together, given)


def parties(path: Path, engine: Engine, servers: ExitStack) -> dict[str, Party]:
    """All four, with servers that run until `servers` is closed."""
    scripts = Path(sys.executable).parent
    ours, theirs = free_port(), free_port()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    servers.enter_context(
        served(
            [str(scripts / "tapgraph"), "serve", "--port", str(ours),
             "--model", f"{path}?dtype=float32&prefix_mib=0&device={device}"],
            ours, "/health",
        )
    )  # fmt: skip
    servers.enter_context(
        served(
            [str(scripts / "transformers"), "serve", str(path), "--port", str(theirs),
             "--host", "127.0.0.1", "--device", device, "--dtype", "float32"],
            theirs, "/health",
        )
    )  # fmt: skip
    return {
        "generate": generate_party(path),
        "engine": engine_party(engine),
        "transformers serve": http_party(f"http://127.0.0.1:{theirs}/v1", str(path)),
        "tapgraph serve": http_party(f"http://127.0.0.1:{ours}/v1", path.name),
    }


def report(
    timings: Mapping[str, Timing], together: Mapping[str, Any], given: argparse.Namespace
) -> None:
    """Print everything, and write it where it is wanted."""
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"torch {torch.__version__}, transformers {transformers.__version__}"
    )
    print(f"machine: {machine}")
    print(
        f"model: Llama, {given.layers} layers of width {given.hidden}, float32; prompt of "
        f"{given.prompt} tokens, reply of {given.tokens}; medians of {given.rounds} rounds\n"
    )
    for name, timing in timings.items():
        print(f"{name:20} first token {timing.first_s:8.3f} s   then {timing.rate:7.1f} tokens/s")
    ratios = {}
    for ours, theirs in (("engine", "generate"), ("tapgraph serve", "transformers serve")):
        if ours not in timings:
            continue
        ratios[f"{ours} / {theirs}"] = {
            "first_token_speed": round(timings[theirs].first_s / timings[ours].first_s, 3),
            "decode_rate": round(timings[ours].rate / timings[theirs].rate, 3),
        }
    for name, ratio in ratios.items():
        print(f"{name}: first token {ratio['first_token_speed']} times as fast, "
              f"decode {ratio['decode_rate']} times as fast")  # fmt: skip
    for name, value in together.items():
        print(f"{name}: the engine is {value['seconds']} times as fast as one batch of generate, "
              f"in CPU seconds {value['cpu_seconds']} times")  # fmt: skip
    if given.json:
        numbers = {
            "machine": machine,
            "arguments": {name: str(value) for name, value in vars(given).items()},
            "timings": {name: asdict(timing) for name, timing in timings.items()},
            "ratios": ratios,
            "at_once": dict(together),
        }
        given.json.write_text(json.dumps(numbers, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
