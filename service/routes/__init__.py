"""The HTTP resources: each validates, awaits the engine and wraps its answer. No torch."""
