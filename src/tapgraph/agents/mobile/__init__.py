"""The phone agent: a graph of Manager, Perceptor, Operator, Reflector, Notetaker and Verifier."""

from tapgraph.agents.mobile.agent import PhoneAgent, TaskResult
from tapgraph.agents.mobile.demonstrator import Demonstrator

__all__ = ["Demonstrator", "PhoneAgent", "TaskResult"]
