"""The log, the states and the published models, on disk."""
