"""Mobile-Eval-E (arXiv 2501.11733, section 4) on the simulated phone and on real ones."""

from tapgraph.evals.phone.mobile_eval_e.reader import read_mobile_eval_e

__all__ = ["read_mobile_eval_e"]
