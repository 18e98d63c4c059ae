"""What a model sees of an event: one definition online and offline."""
