"""Long context: what a model recalls, how faithful and how fast its attention is."""
