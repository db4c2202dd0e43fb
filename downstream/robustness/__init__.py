"""Robustness of classifiers (AutoMix, Table 6; TokenMix, Figure 4): common corruptions,
adversarial attacks and occluded patches.

`corrupt` generates the corruptions, `corrupted_sets` reads published ones, `scores` averages over
them; `attacks` and `apgd` search inside a ball around each image; `occlusion` drops patches.
"""
