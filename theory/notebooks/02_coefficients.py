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
# Which pixel pairs does each method regularize?

All that a mask law contributes to the second-order terms is $A_{jk} = \tilde{\mathbb{E}}[u_j
u_k]$. If $\mathbb{E}[M \mid \lambda] = \lambda$ and the label is $\lambda$,

$$A = c_2\, \mathbf{1}\mathbf{1}^\top + \mathbb{E}_\lambda \operatorname{Cov}(M \mid
\lambda), \qquad c_2 = \mathbb{E}[\lambda (1 - \lambda)].$$

Mixup has the first part alone: every pair alike, whatever the distance. Whatever else a mask does
is a covariance, so at second order every such method regularizes the gradient at least as strongly
as Mixup with the same $\lambda$. "CutMix regularizes far pixels less" is a statement about
entries, not about the quadratic form.
"""

# %%
# %matplotlib inline
import torch
from IPython.display import Markdown

from mixlib.core.lam import Beta
from mixlib.methods.cutmix import Box
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from mixlib.seed import generator
from theory.families import families
from theory.moments import center, exact_moments, monte_carlo_moments
from theory.moments.lam import mixup_coefficient
from theory.moments.profiles import by_distance, effective_dimension
from theory.moments.tilt import one_sided
from theory.networks import blobs
from theory.plots import coefficients, maps, spectra

torch.set_num_threads(1)

# %% [markdown]
r"""
## The paper's central picture

Exact curves; the families with an *n* are measured on that many masks of the law.
"""

# %%
coefficients(24, n=2000)

# %% [markdown]
r"""
The same as images: the middle pixel against all others. The released FMix indexes its spectrum on
the wrong axis, and so couples pixels along one diagonal; boxes couple along rows and columns.
"""

# %%
maps(24, n=2000)

# %% [markdown]
r"""
Their spectra along the rows' index, $S(k, 0) = f_k^H A f_k / s^2$ with $f_k$ the Fourier wave of
$k$ cycles and $s$ the number of pixels; values below $10^{-6}$, zero included, are not shown.
Boxes fall as $k^{-2}$, bells faster at first; FMix falls with
the decay of its field, as intended and as released; masks of cells and tokens vanish at the
frequency of their grid.
"""

# %%
spectra(24, n=1500)

# %% [markdown]
r"""
## Exact against measured, and the complement that must not be forgotten

The tilted measure takes the complement *mask* with probability $1 - w$. The complement of a box is
no box: "a tilted $\lambda$, then the same masks" gives CutMix no coefficient at all between
opposite corners, where there is 0.19.
"""

# %%
size, lam = (16, 16), Beta(1.0)
box = Box(odd="drop")
known, wrong = exact_moments(box, lam, size), one_sided(box, lam, size)
print(f"CutMix, opposite corners: {known.A[0, -1]:.4f}, with one side alone: {wrong.A[0, -1]:.4f}")
largest = {}
for name, family in families().items():
    if family.exact:
        rng = generator(0, "notebook", name)
        measured = monte_carlo_moments(family.law, family.lam, (8, 8), 8_000, rng)
        largest[name] = measured.largest_z(exact_moments(family.law, family.lam, (8, 8)))
        print(f"{name:18} largest z {largest[name]:.1f}")

# %% [markdown]
r"""
## An effective dimension for each mask

$d_{\mathrm{eff}} = \operatorname{tr}((A \odot \Sigma)^+ \Sigma)$ enters the generalization
bound. It weighs the directions of the data by $1 / A$ and is not a count: Mixup's is $s / c_2$, six
times the number of pixels, and no law that meets the bound's assumptions has more. The more a mask
decorrelates pixels, the smaller it is. Beside it stands $c_2 d_{\mathrm{eff}}$, which is $s$ for
Mixup.
"""

# %%
x, _ = blobs(400, 8, 4)
flat = x.flatten(1)
sigma = flat.T @ flat / len(flat)
fair = {
    "Mixup": Flat(),
    "CutMix, unbiased (torus)": Box("wrap", label="drawn"),
    "HMix": HMix(0.5, "wrap"),
}
dimension = {
    name: effective_dimension(exact_moments(law, lam, (8, 8)).A * sigma, sigma)
    for name, law in fair.items()
}
for name, value in dimension.items():
    print(f"{name:25} d_eff {value:5.1f}  c2 d_eff {mixup_coefficient(lam) * value:4.1f}")

# %%
middle = center((32, 32))
curves = {
    name: by_distance(exact_moments(law, lam, (32, 32), torch.tensor([middle])), middle)[1]
    for name, law in fair.items()
}
assert max(largest.values()) < 5
assert (curves["Mixup"] - 1 / 6).abs().max() < 1e-12
assert curves["CutMix, unbiased (torus)"][0] > 0.33
assert curves["CutMix, unbiased (torus)"][-1] < 1 / 6
assert curves["HMix"][0] < curves["CutMix, unbiased (torus)"][0]
assert dimension["CutMix, unbiased (torus)"] < dimension["HMix"] < dimension["Mixup"]
assert wrong.A[0, -1] < 1e-20 < 0.19 < known.A[0, -1]

# %%
cut, hmix = curves["CutMix, unbiased (torus)"], curves["HMix"]
Markdown(
    f"""## What was found

Mixup weighs all pixel pairs alike, {curves["Mixup"][0]:.3f} whatever the distance. CutMix on
the torus weighs a pixel with itself by {cut[0]:.3f} and with the farthest by {cut[-1]:.3f},
below Mixup's; HMix goes from {hmix[0]:.3f} to {hmix[-1]:.3f}. Exact and measured coefficients
agree: largest z {max(largest.values()):.1f} over {len(largest)} families. Forgetting the
complement mask would give opposite corners under CutMix {wrong.A[0, -1]:.3f} instead of
{known.A[0, -1]:.3f}. The effective dimension, weighted by 1/A and so no count of the
{flat.shape[1]} pixels, is {dimension["Mixup"]:.0f} under Mixup, {dimension["HMix"]:.0f} under HMix
and {dimension["CutMix, unbiased (torus)"]:.0f} under CutMix; whether that predicts generalization
is the question of `paper_tables/generalization`."""
)
