"""Weakly supervised localization of the object that a classifier names (AutoMix, Table 8).

Class activation maps of the true class (`cam`), their contours as
boxes (`boxes`), and MaxBoxAcc and MaxBoxAccV2 over a test split (`evaluate`), at thresholds chosen
on it, on a validation split or without boxes (`thresholds`). `localize` is the entry point,
`settings.LocalizeSettings` its settings.
"""
