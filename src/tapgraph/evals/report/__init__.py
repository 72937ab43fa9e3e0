"""What a recorded run looks like to a person."""
