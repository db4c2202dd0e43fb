"""Object detection from pretrained weights (AutoMix, Table 7).

Faster R-CNN R50-C4, in two backends with one arithmetic: `downstream.detection.finetune.finetune`
is the entry point, `downstream.detection.settings.DetectSettings` its settings.
"""
