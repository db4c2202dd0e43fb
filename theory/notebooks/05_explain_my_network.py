# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
r"""
# What does mixing add to the loss of my own network?

`theory.explain` takes a method, a mask law or a policy, a network and images, and measures
$R_1$, $R_2$, $R_3$ and the remainder with intervals. It needs forward passes only: along a sampled
displacement $d$ of an image, one pass over another gives $J d$ and $d^\top \nabla^2 f_k d$, so the
cost is linear in the number of displacements and no Jacobian or Hessian is built.

The network here is small and its images generated, so that the notebook runs anywhere; any
`torch.nn.Module` from images to logits will do, and `python -m theory explain` reads a finished
run. It was trained with CutMix.
"""

# %%
# %matplotlib inline
import torch
from IPython.display import Markdown

import theory
from mixlib.core.lam import Beta
from mixlib.methods.cutmix import cutmix as cutmix_policy
from theory.design import by_cosines
from theory.networks import blobs, convolutional, train

torch.set_num_threads(1)
images, labels = blobs(48, 16, 4, channels=3, noise=1.0)
net = convolutional(4)
train(net, cutmix_policy(alpha=1.0), images.float(), labels, steps=100)
right = (net(images.float()).argmax(1) == labels).double().mean()
print(f"{100 * right:.0f} % of the training images right")

# %% [markdown]
r"""
## A method of the catalog, by name
"""

# %%
cutmix = theory.explain("cutmix", net, images, labels, alpha=1.0, directions=1024)
Markdown(cutmix.table())

# %%
cutmix.plot()

# %% [markdown]
r"""
## Against Mixup, on the same network
"""

# %%
mixup = theory.explain("mixup", net, images, labels, alpha=1.0, directions=1024)
for name, found in (("Mixup", mixup), ("CutMix", cutmix)):
    parts = (
        f"{term} {one.value:+.3f} +- {1.96 * one.error:.3f}" for term, one in found.terms.items()
    )
    print(f"{name:7}", "  ".join(parts))

# %% [markdown]
r"""
## A law of one's own

Here a designed one: random waves, whose coefficients rise and fall with the distance of the pixels.
"""

# %%
place = torch.arange(16).double()
wave = torch.cos(2 * torch.pi * place / 8)
profile = 0.04 * (wave[:, None] + wave) / 2
own = by_cosines(profile, Beta(1.0)).law
waves = theory.explain(own, net, images, labels, directions=1024)
Markdown(waves.table())

# %% [markdown]
r"""
## What it refuses, and why
"""

# %%
refused = {}
for method in ("automix", "manifoldmix", "transmix"):
    try:
        theory.explain(method, net, images, labels)
    except ValueError as problem:
        refused[method] = str(problem)
        print("-", problem)

# %%
for found in (cutmix, mixup, waves):
    whole = sum(one.value for one in found.terms.values())
    assert abs(whole - found.penalty.value) < 1e-9
    assert found.terms["R2"].value > 0
assert len(refused) == 3
assert all("assum" in text for text in refused.values())

# %%
low, high = cutmix.shares["remainder"].interval
Markdown(
    f"""## What was found

CutMix adds {cutmix.penalty.value:.2f} nats to this network's loss, Mixup
{mixup.penalty.value:.2f}. Of CutMix' {100 * cutmix.shares["R1"].value:.0f} % are R1,
{100 * cutmix.shares["R2"].value:.0f} % R2 and {100 * cutmix.shares["R3"].value:.0f} % R3;
{100 * cutmix.shares["remainder"].value:.0f} % ({100 * low:.0f} to {100 * high:.0f}) are beyond
second order, so the theory's terms are
{"most" if cutmix.shares["remainder"].value < 0.5 else "the smaller part"} of it here. R2 is
{cutmix.terms["R2"].value / mixup.terms["R2"].value:.1f} times Mixup's. {len(refused)} methods
were refused with the assumption that they break."""
)
