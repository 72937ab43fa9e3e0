"""MobileGym (arXiv 2605.26114) from a checkout of its own: its page, its tasks, its judge."""

from tapgraph.evals.phone.mobilegym.gym_device import GymDevice, GymPictures
from tapgraph.evals.phone.mobilegym.gym_suite import read_mobilegym

__all__ = ["GymDevice", "GymPictures", "read_mobilegym"]
