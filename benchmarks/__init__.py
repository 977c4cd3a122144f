"""Speed, measured side by side within one run: absolute times on a shared machine say little."""
