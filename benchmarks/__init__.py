"""Measurements of cost; each module is a command."""
