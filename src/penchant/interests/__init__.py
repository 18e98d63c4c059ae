"""Events become interests."""
