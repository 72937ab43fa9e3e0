"""The suite belongs to another environment; `run_clients.py` runs it there."""

collect_ignore = ["suite.py", "run_clients.py"]
