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
# What does training with each method do to the input gradients, and what follows?

Figure 4 of the paper shows, for every displacement $p$, the largest product
$\max_k \max_v |\partial_v f(x_k)\, \partial_{v+p} f(x_k)|$ after training. The slides leave
open which $f$, how channels are reduced and the normalization; here $f$ is the true class's logit,
channels enter by their L2 norm, and the map is divided by its value at $p = 0$, its maximum by
Cauchy-Schwarz. The networks below are tiny and the images generated: the picture shows the
statistic, not the paper's result.
"""

# %%
# %matplotlib inline
import torch
from IPython.display import Markdown

from mixlib.core.lam import Beta
from mixlib.core.policy import ByLaw
from mixlib.methods.cutmix import Box
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from mixlib.methods.vanilla import vanilla
from theory.expansion.terms import swapped
from theory.first_layer import first_layer, split
from theory.generalization import generalization
from theory.gradients import by_distance, input_gradients, normalized, product_map
from theory.moments import exact_moments
from theory.networks import blobs, network, train
from theory.plots import gradient_maps
from theory.robustness import adversarial

torch.set_num_threads(1)
SIZE, CLASSES, LAM = 12, 4, Beta(1.0)
x, y = blobs(80, SIZE, CLASSES)
policies = {
    "vanilla": vanilla(),
    "Mixup": ByLaw(Flat(), LAM),
    "CutMix": ByLaw(Box(), LAM),
}
maps = {}
for name, policy in policies.items():
    model = train(network(SIZE, CLASSES), policy, x, y, steps=60)
    maps[name] = normalized(product_map(input_gradients(model, x, y)))
gradient_maps(maps)

# %% [markdown]
r"""
## The first layer

With $f(x) = g(Wx)$, $x_j \partial_j f = \sum_k W_{kj}\, \partial f / \partial W_{kj}$: for
centered data $R_1$ is a function of first-layer weights times their derivatives, and $R_2$ and
$R_3$ see the masks only through $W (A \odot C_i) W^\top$; also where $W$ is a convolution.
"""

# %%
targets = torch.nn.functional.one_hot(y, CLASSES).double()
moments = exact_moments(Box(), LAM, (SIZE, SIZE))
net = network(SIZE, CLASSES).requires_grad_(False)
rest, weight = split(net, (1, SIZE, SIZE))
few = slice(0, 5)
centered = x[few] - x[few].mean(0)
by_layer = first_layer(rest, weight, centered.flatten(1), targets[few], moments)
whole = swapped(net, centered, targets[few], moments)
for term in ("R1", "R2", "R3"):
    print(
        f"{term} first layer {getattr(by_layer, term):+.6f} gradients {getattr(whole, term):+.6f}"
    )

# %% [markdown]
r"""
## Adversarial robustness

$L + R_1 + R_2 \geq \frac{1}{m} \sum_i l^{(2)}_{\mathrm{adv}}(\epsilon_i)$: an inequality between
second-order surrogates, for the logistic loss, centered data, $f = \nabla f \cdot x$ and correctly
classified training points. The exact adversarial loss stands beside it and may be larger. The
radius is the same for all methods; masks add slack.
"""

# %%
theta = x[1].flatten() - x[3].flatten()
theta = theta / theta.norm()
points = torch.cat([x[:8], -x[:8]])
sides = (points.flatten(1) @ theta > 0).double()[:, None]
fair = {
    "Mixup": Flat(),
    "CutMix, unbiased (torus)": Box("wrap", label="drawn"),
    "HMix": HMix(0.5, "wrap"),
}
bounds = {
    name: adversarial(lambda z: (z.flatten(1) @ theta)[:, None], points, sides, law, LAM)
    for name, law in fair.items()
}
for name, found in bounds.items():
    print(
        f"{name:14} mixed {found.mixed:.4f} >= surrogate {found.surrogate:.4f}; "
        f"exact adversarial {found.attacked:.4f}"
    )

# %% [markdown]
r"""
## Generalization

The Rademacher complexity of the linear classifiers whose penalty is at most $\gamma$ is at most
$\sqrt{t\, d_{\mathrm{eff}} / n}$. The effective dimension $d_{\mathrm{eff}}$ weighs the directions
of the data by $1 / A$: it is not a count, and six times the rank for Mixup. $t = \max(\gamma,
\sqrt{\kappa \gamma})$ bounds $\theta^\top (A \odot \Sigma) \theta$ in that class, with $\kappa$ the
largest ratio of $\theta^\top (A \odot \Sigma) \theta$ to $\theta^\top \Sigma \theta$. Masks that
decorrelate pixels lower $d_{\mathrm{eff}}$ and raise $\kappa$, most in directions in which the data
hardly vary. At one $\gamma$ for all laws the second may outweigh the first. Beside it stands the
cruder bound with the rank of $\Sigma$ instead of $d_{\mathrm{eff}}$, and the smallest such ratio
instead of the largest.
"""

# %%
complexity = {name: generalization(x, law, LAM, gamma=0.1) for name, law in fair.items()}
allowed = {name: len(x) * c.refined**2 / c.dimension for name, c in complexity.items()}
for name, parts in complexity.items():
    print(
        f"{name:25} d_eff {parts.dimension:6.1f}  t {allowed[name]:.3f}  "
        f"bound by d_eff {parts.refined:.3f}  bound by the rank {parts.rademacher:.3f}"
    )

# %%
for values in maps.values():
    assert values.max() == 1
    assert values[SIZE - 1, SIZE - 1] == 1
    assert torch.equal(values, values.flip(0, 1))
assert max(abs(a - b) for a, b in zip(by_layer[:3], whole[1:], strict=True)) < 1e-12
assert all(found.mixed >= found.surrogate for found in bounds.values())
assert complexity["CutMix, unbiased (torus)"].dimension < complexity["Mixup"].dimension
assert complexity["CutMix, unbiased (torus)"].refined > complexity["Mixup"].refined

# %%
cut, flat = complexity["CutMix, unbiased (torus)"], complexity["Mixup"]
strength = allowed["CutMix, unbiased (torus)"] / allowed["Mixup"]
far = {name: float(by_distance(values)[1][SIZE // 2 :].mean()) for name, values in maps.items()}
Markdown(
    f"""## What was found

At displacements of {SIZE // 2} pixels and more, relative to zero displacement, the largest
products of gradients are {far["vanilla"]:.2f} without mixing, {far["Mixup"]:.2f} after Mixup
and {far["CutMix"]:.2f} after CutMix. That is one network each; over seeds, with intervals, the
direction is on `paper_tables/gradients`. The first-layer form agrees with input gradients and
Hessians to rounding. The bound of the adversarial loss holds for all {len(bounds)} laws, with
mixed losses of {min(b.mixed for b in bounds.values()):.3f} to
{max(b.mixed for b in bounds.values()):.3f} above surrogates of
{max(b.surrogate for b in bounds.values()):.3f}; the exact adversarial loss,
{max(b.attacked for b in bounds.values()):.3f}, is not what it bounds.

CutMix' effective dimension is {cut.dimension:.0f}, Mixup's {flat.dimension:.0f}. The Rademacher
bound that it enters has the opposite order, {cut.refined:.2f} against {flat.refined:.2f}: the same
gamma of 0.1 allows CutMix {strength:.1f} times as large a t, which outweighs the smaller dimension.
The cruder bound with the rank hardly tells the two apart, {cut.rademacher:.2f} against
{flat.rademacher:.2f}. So at a fixed gamma the bounds do not say that CutMix generalizes better;
what each law's training ends with, and the measured gaps, are on `paper_tables/generalization`."""
)
