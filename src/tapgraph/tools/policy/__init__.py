"""What a person must allow: the words of risks, and the user's own rules."""
