"""Labellings of grids: costs, an exact programme for narrow grids, a certified iteration for the
rest."""

from mixlib.policies.labelling.costs import Costs, energy
from mixlib.policies.labelling.solve import least_energy

__all__ = ["Costs", "energy", "least_energy"]
