"""Labelings of grids: costs, an exact program for narrow grids, a certified iteration for the
rest."""

from mixlib.methods.puzzlemix.labeling.costs import Costs, energy
from mixlib.methods.puzzlemix.labeling.solve import least_energy

__all__ = ["Costs", "energy", "least_energy"]
