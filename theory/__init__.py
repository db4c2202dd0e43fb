"""Theory of mixed-sample data augmentation: Park, Yun and Chun, "A Unified Analysis of Mixed Sample
Data Augmentation: A Loss Function Perspective", NeurIPS 2022, verified on the masks of training.

Every mask comes from ``mixlib.methods``, so that what is analyzed is what is trained.  For a
network, mask law or method of one's own: :func:`explain`.
"""

from .explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
