"""The forms in which people keep tips and shortcuts: Mobile-Agent-E's files, JSON Lines, skills."""
