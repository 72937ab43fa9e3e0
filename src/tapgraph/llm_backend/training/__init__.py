"""Training of small models on this machine by what their attention shows."""
