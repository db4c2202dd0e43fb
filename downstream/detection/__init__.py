"""How good are pretrained weights as the start of an object detector (AutoMix, Table 7)?

Faster R-CNN R50-C4, in two backends with one arithmetic: `downstream.detection.finetune.finetune`
is the entry point, `downstream.detection.settings.DetectSettings` what it can be told.
"""
