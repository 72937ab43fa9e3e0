"""The history of the memory's tables; `upgrade.py` brings a database to its end."""
