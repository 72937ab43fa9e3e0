"""What Prometheus reads."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tapgraph.llm_backend.local.engine import Engine

__all__ = ["metrics_of"]


class _EngineCollector(Collector):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterable[Metric]:
        now = self._engine.statistics
        for name, text, value in (
            ("requests_running", "Requests that have a slot", now.running),
            ("requests_waiting", "Requests in the queue", now.waiting),
            ("kept_tokens", "Tokens whose keys and values are kept", now.kept_tokens),
            ("prefix_bytes", "Bytes of kept tokens", now.prefix_bytes),
            ("cache_bytes", "Bytes of the running requests' keys and values", now.cache_bytes),
            ("budget_bytes", "What both may be together", now.budget_bytes),
            ("budget_tokens", "How many tokens that is", now.budget_tokens),
            ("uptime_seconds", "Since the engine started", now.uptime_s),
        ):
            yield GaugeMetricFamily(f"tapgraph_{name}", text, value=float(value))
        for name, text, value in (
            ("requests_submitted", "Requests taken", now.submitted),
            ("prompt_tokens", "Tokens of prompts", now.prompt_tokens),
            ("cached_tokens", "Tokens of prompts that were not computed again", now.cached_tokens),
            ("completion_tokens", "Tokens of replies", now.completion_tokens),
            ("forward_passes", "Forward passes", now.forward_passes),
            ("reply_passes", "Forward passes that chose tokens, of each reply", now.reply_passes),
            (
                "step_tokens",
                "Tokens that the last steps of replies could have read",
                now.step_tokens,
            ),
            ("step_tokens_read", "Tokens that they attended to", now.step_tokens_read),
            ("preempted", "Replies that gave up their memory for a time", now.preempted),
            ("prefix_lookups", "Prompts that were looked up", now.prefix_lookups),
            ("prefix_hits", "Prompts of which a beginning was kept", now.prefix_hits),
        ):
            yield CounterMetricFamily(f"tapgraph_{name}", text, value=float(value))
        finished = CounterMetricFamily(
            "tapgraph_requests_finished", "Requests that ended", labels=["reason"]
        )
        for reason, count in now.finished.items():
            finished.add_metric([reason], float(count))
        yield finished


def metrics_of(engine: Engine) -> bytes:
    """The engine's statistics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_EngineCollector(engine))
    return generate_latest(registry)
