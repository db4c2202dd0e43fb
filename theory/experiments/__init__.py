"""Experiments that could refute the MSDA theory: each a declaration that is fixed before it runs,
units that are kept as they are measured, and a page whose sentences are computed from them.
"""
