"""Semantic segmentation from pretrained vision transformers (TokenMix, ADE20K table).

UPerNet on timm's DeiT (`upernet`), trained (`finetune`, `settings.SegmentSettings`) on ADE20K,
CamVid or the generated world in ADE20K's layout (`readers`), and measured at one scale or several
(`inference`, `metrics`).
"""
