"""Pieces of masks that several methods share."""
