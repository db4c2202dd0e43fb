"""Which mixing methods are there, who wrote them, and how are they set for which data?

The catalog: one row per method, read by tables, tests, benchmarks and documentation; imports no
torch.  ``params`` holds keyword arguments per data family.  The alphas are those of the AutoMix
paper's appendix A.1 ("Reproduction settings"), which gives ResNet-18 its own value on some data:
such a row has a second entry, "<family>/small".  "default" is the method's own paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mixlib.catalog import momentum_rows, token_rows
from mixlib.core.catalog import nearest
from mixlib.core.hyperparameters import CIFAR, IMAGENET, alphas, normalized, same
from mixlib.core.method import FAMILIES, Family, Method, Params

__all__ = ["FAMILIES", "METHODS", "Family", "Method", "Params", "method"]


# OpenMixup's ImageNet settings: grids up to 8, cells transported whole, seams over 2 pixels
_PUZZLE_LARGE = {"std": IMAGENET["std"], "blocks": (2, 4, 8), "cell": None, "neighbor": 2}
_LARGE = ("imagenet", "inat", "fine", "places", "deit", "rsb")
_BY_LAW = "mixlib.core.policy"
_ERASE = "mixlib.masks.erasing"
_PARK = (
    "Park et al., A Unified Analysis of Mixed Sample Data Augmentation: A Loss Function "
    "Perspective, NeurIPS 2022, arXiv:2208.09913"
)

ROWS = (
    Method("vanilla", "Vanilla", f"{_BY_LAW}:vanilla", "No mixing", 1998, status="defined"),
    Method(
        "mixup",
        "Mixup",
        f"{_BY_LAW}:mixup",
        "Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018, arXiv:1710.09412",
        2018,
        momentum_rows.MIXUP_ALPHAS,
        pipelines={
            "none": "mixup",
            "ema": "mixup_ema",
            "mp": "mixup_mp",
            "mp_ce": "mixup_mp_ce",
        },
    ),
    Method(
        "cutmix",
        "CutMix",
        f"{_BY_LAW}:cutmix",
        "Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable "
        "Features, ICCV 2019, arXiv:1905.04899",
        2019,
        momentum_rows.CUTMIX_ALPHAS,
        pipelines={"none": "cutmix", "mp": "cutmix_mp", "mp_ce": "cutmix_mp_ce"},
    ),
    Method(
        "manifoldmix",
        "ManifoldMix",
        "mixlib.methods.manifoldmix:manifoldmix",
        "Verma et al., Manifold Mixup: Better Representations by Interpolating Hidden States, "
        "ICML 2019, arXiv:1806.05236",
        2019,
        alphas(2.0, cifar=2.0, large=0.2, fine=0.5, inat=0.2),
    ),
    Method(
        "saliencymix",
        "SaliencyMix",
        "mixlib.methods.saliencymix:saliencymix",
        "Uddin et al., SaliencyMix: A Saliency Guided Data Augmentation Strategy for Better "
        "Regularization, ICLR 2021, arXiv:2006.01791",
        2021,
        normalized(alphas(1.0, cifar=0.2, large=1.0, fine=0.2)),
        revision=2,
    ),
    Method(
        "attentivemix",
        "AttentiveMix",
        "mixlib.methods.attentivemix:attentivemix",
        "Walawalkar et al., Attentive CutMix: An Enhanced Data Augmentation Approach for Deep "
        "Learning Based Image Classification, ICASSP 2020, arXiv:2003.13048",
        2020,
        same(alpha=2.0),
        frozenset({"features"}),
    ),
    Method(
        "fmix",
        "FMix",
        f"{_BY_LAW}:fmix",
        "Harris et al., FMix: Enhancing Mixed Sample Data Augmentation, 2020, arXiv:2002.12047",
        2020,
        alphas(1.0, cifar=0.2, large=1.0, fine=0.2),
        revision=2,
    ),
    Method(
        "puzzlemix",
        "PuzzleMix",
        "mixlib.methods.puzzlemix.policy:puzzlemix",
        "Kim et al., Puzzle Mix: Exploiting Saliency and Local Statistics for Optimal Mixup, "
        "ICML 2020, arXiv:2009.06962",
        2020,
        {
            "default": {"alpha": 1.0, "std": CIFAR["std"]},
            "tiny": {"alpha": 1.0, "std": IMAGENET["std"]},
            # coarse grids only: the finer ones would cost more than the narrow networks' own step
            "generated": {"alpha": 1.0, "std": CIFAR["std"], "blocks": (2, 4)},
            **{key: {"alpha": 1.0, **_PUZZLE_LARGE} for key in _LARGE},
        },
        frozenset({"input_grad"}),
    ),
    Method(
        "resizemix",
        "ResizeMix",
        "mixlib.methods.resizemix:resizemix",
        "Qin et al., ResizeMix: Mixing Data with Preserved Object Information and True Labels, "
        "2020, arXiv:2012.11101",
        2020,
        {**alphas(1.0, cifar=1.0, large=1.0, fine=1.0), "default": {"alpha": None}},
    ),
    Method(
        "alignmix",
        "AlignMix",
        "mixlib.methods.alignmix:alignmix",
        "Venkataramanan et al., AlignMixup: Improving Representations by Interpolating Aligned "
        "Features, CVPR 2022, arXiv:2103.15375",
        2022,
        same(alpha=2.0),
        frozenset({"features"}),
    ),
    Method("hmix", "HMix", f"{_BY_LAW}:hmix", _PARK, 2022, same(alpha=1.0, ratio=0.5)),
    Method("gmix", "GMix", f"{_BY_LAW}:gmix", _PARK, 2022, same(alpha=1.0)),
    Method(
        "stochastic",
        "Stochastic Mixup & CutMix",
        "mixlib.methods.stochastic:stochastic",
        "Mixup or CutMix at random, as in timm, DeiT (arXiv:2012.12877) and RSB (arXiv:2110.00476)",
        2021,
        {
            "default": {"mixup": 1.0, "cutmix": 1.0, "mode": "batch"},
            "deit": {"mixup": 0.8, "cutmix": 1.0, "mode": "batch"},
            "rsb": {"mixup": 0.1, "cutmix": 1.0, "mode": "batch"},
        },
    ),
    Method(
        "gridmix",
        "GridMix",
        f"{_BY_LAW}:gridmix",
        "Baek et al., GridMix: Strong regularization through local context mapping, Pattern "
        "Recognition 2021, doi:10.1016/j.patcog.2020.107594",
        2021,
        same(alpha=1.0),
    ),
    Method(
        "smoothmix",
        "SmoothMix",
        f"{_BY_LAW}:smoothmix",
        "Lee et al., SmoothMix: a Simple Yet Effective Data Augmentation to Train Robust "
        "Classifiers, CVPR Workshops 2020, ieeexplore.ieee.org/document/9151008",
        2020,
    ),
    Method(
        "ricap",
        "RICAP",
        "mixlib.methods.ricap:ricap",
        "Takahashi et al., Data Augmentation using Random Image Cropping and Patching for Deep "
        "CNNs, IEEE TCSVT 2020, arXiv:1811.09030",
        2018,
        same(beta=0.3),
    ),
    Method(
        "comixup",
        "Co-Mixup",
        "mixlib.methods.comixup.policy:comixup",
        "Kim et al., Co-Mixup: Saliency Guided Joint Mixup with Supermodular Diversity, ICLR 2021, "
        "arXiv:2102.03065",
        2021,
        # smaller parts, of which a small batch holds several, solved side by side; as many sweeps
        # as the reference
        {"default": {"alpha": 2.0}, "generated": {"alpha": 2.0, "part": 8, "sweeps": 4}},
        frozenset({"input_grad"}),
    ),
    Method(
        "supermix",
        "SuperMix",
        "mixlib.methods.supermix:supermix",
        "Dabouei et al., SuperMix: Supervising the Mixing Data Augmentation, CVPR 2021, "
        "arXiv:2003.05034",
        2021,
        {"default": {"side": 16}, "cifar": {"side": 8}, "generated": {"side": 8}},
        frozenset({"teacher"}),
    ),
    Method(
        "augmix",
        "AugMix",
        "mixlib.methods.augmix.consistency:augmix_consistency",
        "Hendrycks et al., AugMix: A Simple Data Processing Method to Improve Robustness and "
        "Uncertainty, ICLR 2020, arXiv:1912.02781",
        2020,
        {
            **normalized({key: {"severity": 1.0} for key in ("default", *_LARGE, "tiny")}),
            **normalized({key: {"severity": 3.0} for key in ("cifar", "generated")}),
        },
        objective="augmix",
    ),
    Method(
        "cutout",
        "Cutout",
        f"{_ERASE}:cutout",
        "DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, "
        "2017, arXiv:1708.04552",
        2017,
        same(side=16),
        status="defined",
    ),
    Method(
        "random_erasing",
        "Random Erasing",
        f"{_ERASE}:random_erasing",
        "Zhong et al., Random Erasing Data Augmentation, AAAI 2020, arXiv:1708.04896",
        2020,
        {
            "default": {"prob": 0.5},
            "deit": {
                **{"prob": 0.25, "area": (0.02, 1 / 3), "fill": "noise"},
                **{"law": "log", "tries": 10},
            },
        },
        status="defined",
    ),
    Method(
        "hide_and_seek",
        "Hide-and-Seek",
        f"{_ERASE}:hide_and_seek",
        "Singh and Lee, Hide-and-Seek: Forcing a Network to be Meticulous for Weakly-supervised "
        "Object and Action Localization, ICCV 2017, arXiv:1704.04232",
        2017,
        status="defined",
    ),
    *token_rows.ROWS,
    *momentum_rows.ROWS,
)
METHODS: Mapping[str, Method] = MappingProxyType({row.name: row for row in ROWS})


def method(name: str) -> Method:
    """The row of a method.

    Raises:
        KeyError: no such method; the message names the nearest one and lists all.
    """
    if name not in METHODS:
        raise KeyError(nearest("method", name, METHODS))
    return METHODS[name]
