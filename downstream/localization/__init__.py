"""How well does a classifier point at the object it names (AutoMix, Table 8)?

Weakly supervised localization: class activation maps of the true class (`cam`), their contours as
boxes (`boxes`), and MaxBoxAcc and MaxBoxAccV2 over a test split (`evaluate`). `localize` is the
entry point, `settings.LocalizeSettings` what it can be told.
"""
