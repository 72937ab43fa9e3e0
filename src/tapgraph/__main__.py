"""`python -m tapgraph`: the command line."""

import sys

from tapgraph.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
