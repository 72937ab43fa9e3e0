"""What every agent run leaves behind: its folder, events, budget, outcome and report."""
