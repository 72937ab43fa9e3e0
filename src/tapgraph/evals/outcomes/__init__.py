"""Whether the outcome of an action can be told without asking a model."""
