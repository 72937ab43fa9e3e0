"""A checkpoint on this machine behind OpenAI's HTTP protocol."""
