"""Counting: what a training step takes, found without a GPU and without doing it."""
