"""Labelings of grids: costs, an exact program for narrow grids, a certified iteration for the
rest."""

from mixlib.policies.labeling.costs import Costs, energy
from mixlib.policies.labeling.solve import least_energy

__all__ = ["Costs", "energy", "least_energy"]
