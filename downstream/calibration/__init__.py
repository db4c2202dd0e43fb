"""Calibration of classifiers (AutoMix, Figure 8): expected calibration error and its relatives.

`bins` groups confidences, `measures` computes every number, `temperature` fits one scale on
held-out images, `diagram` draws the reliability diagram.
"""
