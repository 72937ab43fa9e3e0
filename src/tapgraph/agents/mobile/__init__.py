"""The phone agent: a graph of Manager, Perceptor, Operator, Reflector, Notetaker and Verifier."""

from tapgraph.agents.mobile.agent import PhoneAgent, TaskResult

__all__ = ["PhoneAgent", "TaskResult"]
