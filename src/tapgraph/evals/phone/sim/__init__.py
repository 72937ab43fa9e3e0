"""The suite `sim`: tasks drawn from the simulated phone's own state."""
