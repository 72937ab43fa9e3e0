"""Apple's Shortcuts: real workflows, parsed and run on a simulated system."""
