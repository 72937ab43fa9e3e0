"""A small web without a network: sites that answer addresses with HTML, made from the world."""
