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
# Can a mask law be made to order?

The paper states that a mixing method with any regularization exists under a regularity
condition. Here are constructions, and the conditions under which each works. A target is a profile
$K(D) = A - c_2$ of coefficients by displacement; it must be a covariance of $[0, 1]$-valued masks
with mean $\lambda$. In particular $K(0) \le c_2$, with equality for binary masks alone.
"""

# %%
# %matplotlib inline
import torch
from IPython.display import Markdown

from mixlib.core.lam import Beta
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce
from mixlib.core.policy import ByLaw
from mixlib.seed import generator
from theory.design import Infeasible, by_cosines, by_field
from theory.moments import exact_moments, monte_carlo_moments
from theory.moments.designed import folded_second_moment
from theory.moments.lam import mixup_coefficient
from theory.moments.torus import grid_lags
from theory.networks import blobs, network, train
from theory.plots import designed

torch.set_num_threads(1)
SIZE, LAM, N = (16, 16), Beta(1.0), 10_000
down, across = (torch.from_numpy(16 * t).view(SIZE) for t in grid_lags(SIZE))
distance = (down**2 + across**2).sqrt()

# %% [markdown]
r"""
## Full amplitude: thresholded Gaussian fields

The target falls off as $e^{-|D|/2}$. Lag by lag, the correlation of the field is found at which a
thresholded pair has the covariance of the target (Owen's T); its spectrum makes the law.
"""

# %%
target = torch.exp(-distance / 2) * mixup_coefficient(LAM)
field = by_field(target, LAM)
rng, first = generator(0, "design"), torch.tensor([0])
measured = monte_carlo_moments(field.law, LAM, SIZE, N, rng, first)
profile = measured.row(0) - mixup_coefficient(LAM)
masks = field.law.sample(torch.tensor([0.25, 0.5, 0.75]).double(), SIZE, rng)
print(f"largest error of the law: {field.error:.1e}")
designed(field, profile, masks)

# %% [markdown]
r"""
## Exactly, at a smaller amplitude: random cosines

$M = \lambda + \min(\lambda, 1 - \lambda) \cos(2\pi k \cdot x + \text{phase})$, the
frequency drawn from the target's spectrum.
"""

# %%
small = target * (folded_second_moment(LAM) / 2 / mixup_coefficient(LAM))
cosines = by_cosines(small, LAM)
waves = monte_carlo_moments(cosines.law, LAM, SIZE, N, rng, first)
print("error of the law below 1e-12:", cosines.error < 1e-12)
designed(
    cosines,
    waves.row(0) - mixup_coefficient(LAM),
    cosines.law.sample(torch.tensor([0.25, 0.5, 0.75]).double(), SIZE, rng),
)

# %% [markdown]
r"""
## Targets that cannot be granted say why
"""

# %%
reasons = []
bell = torch.exp(-(distance**2) / 18) * mixup_coefficient(LAM)
for impossible in (2 * target, -target, bell):
    try:
        by_field(impossible, LAM)
    except Infeasible as problem:
        reasons.append(str(problem))
        print("-", problem)

# %% [markdown]
r"""
## The designed law trains
"""

# %%
x, y = blobs(64, 16, 4)
model = network(16, 4)
objective = MixOnce(Net(model), ByLaw(field.law, LAM))
before = objective(x, y, generator(0, "probe")).loss.item()
train(model, ByLaw(field.law, LAM), x, y, steps=40)
after = objective(x, y, generator(0, "probe")).loss.item()
print(f"mixed loss {before:.3f} -> {after:.3f}")

# %%
assert field.error < 1e-3
assert cosines.error < 1e-12
assert measured.largest_z(exact_moments(field.law, LAM, SIZE, first)) < 5
assert waves.largest_z(exact_moments(cosines.law, LAM, SIZE, first)) < 5
assert len(reasons) == 3
assert after < before

# %%
Markdown(
    f"""## What was found

Yes, within limits. Thresholded Gaussian fields grant a profile that falls off exponentially, at
full amplitude, to {field.error:.0e}; random cosines grant it exactly at
{100 * small[0, 0] / target[0, 0]:.0f} % of that amplitude. {len(reasons)} targets cannot be
granted, each for a stated reason: twice the variance that masks can have, a negative profile,
and a bell, which binary masks, with their cusp at 0, do not have. The designed law is a mask
law like any other: {40} steps of training with it lower the mixed loss from {before:.2f} to
{after:.2f}."""
)
