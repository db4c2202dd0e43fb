"""Mixing methods: one file or folder each, under the method's name."""
