"""The Berkeley Function Calling Leaderboard, on the data of the package `bfcl-eval`."""
