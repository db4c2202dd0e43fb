"""What does mixing samples regularize?  Park, Yun and Chun, "A Unified Analysis of Mixed Sample
Data Augmentation: A Loss Function Perspective", NeurIPS 2022: exact, measured and honest.

Every mask comes from ``mixlib.methods``, so that what is analyzed is what is trained.
"""

# every law's exact moments register on import
from theory import design, separable

__all__ = ["design", "separable"]
