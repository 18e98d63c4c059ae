"""Sources: who finds candidates and how they score."""
