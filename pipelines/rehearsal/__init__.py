"""Rehearsal: every distinct combination of kind, network, data layout, recipe, method and pipeline
of the papers' tables is started, trained for a few steps and measured; a sample is stopped and
resumed.

``python -m pipelines.rehearsal``; scale `rehearsal` says what is cut short.
"""
