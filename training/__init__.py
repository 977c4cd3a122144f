"""Produces checkpoints: data, objectives, the loop that fits them, evaluation and export. Never imports the service."""
