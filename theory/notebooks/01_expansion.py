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
# What does mixing add to the loss, and where does the theory explain it?

Park, Yun and Chun (NeurIPS 2022) expand the loss of mixed samples. With $u = 1 - M$ the partner's
share of the pixels and $w$ the label share of the own image, exchanging the two ends of every pair
gives, exactly and for every mask law,

$$L^{\mathrm{MSDA}} = \mathbb{E}_{i,j}\,\tilde{\mathbb{E}}\; l(f(x_i + u \odot (x_j - x_i)), y_i),
\qquad \tilde{\mathbb{E}}[\varphi(u)] = \mathbb{E}[w\,\varphi(1 - M) + (1 - w)\,\varphi(M)].$$

To second order in the displacement, with $a = \tilde{\mathbb{E}}[u]$, $A =
\tilde{\mathbb{E}}[uu^\top]$ and $C_i = \mathbb{E}_j (x_j - x_i)(x_j - x_i)^\top$, it is
$L + R_1 + R_2 + R_3$ with

$$R_1 = \mathbb{E}_i (p - y)^\top J (a \odot (\bar x - x_i)),$$

$$R_2 = \frac{1}{2} \mathbb{E}_i \langle A \odot C_i, J^\top H J\rangle,$$

$$R_3 = \frac{1}{2} \mathbb{E}_i \sum_k (p - y)_k \langle A \odot C_i, \nabla^2 f_k\rangle.$$
"""

# %%
# %matplotlib inline
import torch
from IPython.display import Markdown
from torch.nn import functional as F

from mixlib.core.net import Net
from mixlib.core.objective import MixOnce
from mixlib.methods.automix import AutoMixSpec, automix
from mixlib.methods.cutmix import cutmix
from mixlib.methods.puzzlemix.policy import puzzlemix
from mixlib.seed import generator
from theory.expansion.displacements import by_law, by_objective
from theory.expansion.on_networks import cancels, expand, leading
from theory.families import families
from theory.networks import blobs, convolutional, network, train_objective
from theory.plots import explained, remainders
from theory.verify import check
from theory.verify_table import check_cells, check_columns, numbers_table, term_cells, term_columns

torch.set_num_threads(1)
CHOSEN = ("Mixup", "CutMix", "HMix", "GMix")

# %% [markdown]
r"""
## The identity, the moments and the order of the remainder

One row per family: the swap identity (definition against swapped sum), exact against measured
moments, the remainder's slope at small displacements, and how far it is from the third and fourth
derivatives of the loss itself.
"""

# %%
rows = {name: check(name, families()[name], atoms=60, n=8_000) for name in CHOSEN}
Markdown("\n".join(numbers_table(check_columns(), [check_cells(row) for row in rows.values()])))

# %% [markdown]
r"""
The terms themselves, value and share of the penalty, on the same three networks.
"""

# %%
Markdown("\n".join(numbers_table(term_columns(), [term_cells(row) for row in rows.values()])))

# %% [markdown]
r"""
## The small parameter is the displacement

Scaling the displacements by $\epsilon$, the remainder falls as $\epsilon^3$. It does *not* become
small as $\lambda \to 1$: under the tilted measure the complement mask has the weight $1 -
\lambda$ and a displacement near 1, so every moment is $O(1 - \lambda)$ alike.
"""

# %%
x, labels = blobs(12, 8, 3)
y = F.one_hot(labels, 3).double()
model = network(8, 3).requires_grad_(False)
measured, order = {}, {}
for name in CHOSEN:
    family = families()[name]
    displaced = by_law(family.law, family.lam, x, 1000, generator(0, "notebook", name))
    measured[name] = expand(model, x, y, displaced)
    order[name] = leading(model, x, y, displaced)
remainders(measured)

# %% [markdown]
r"""
## Where the theorem explains the loss, and where not

On a random network the three terms are nearly the whole penalty. On a network that has memorized
its data they are next to nothing: the logits between the images are far from quadratic. The
expansion about the mean virtual point, with the same moments, remains accurate.
"""

# %%
explained({name: row.explained for name, row in rows.items()}, "L + R1 + R2 + R3")

# %%
explained({name: row.anchored for name, row in rows.items()}, "anchored expansion")

# %% [markdown]
r"""
## Masks that look at the pair

Saliency and learned masks depend on $i$ and $j$, and with them $A \circ C_i$ falls apart. What is
left are moments of each image's displacements $d = \tilde x - x_i$, weighted by its label share,
over all mixed samples in which image $i$ takes part: $T_i = \tilde{\mathbb{E}}[d d^\top]$ in the
place of $A \circ C_i$, and a mass that re-weights the data: 1 for every image where labels are the
drawn $\lambda$, not where they are read off the mask. Three small networks are trained, each with
its own masks (AutoMix trains the masks, too), and measured on the masks that they now draw.
"""

# %%
pictures, classes = blobs(12, 8, 3, channels=3)
targets = F.one_hot(classes, 3).double()
objectives = {
    "CutMix": MixOnce(Net(convolutional(3)), cutmix(alpha=1.0)),
    "PuzzleMix": MixOnce(Net(convolutional(3)), puzzlemix(std=(1.0,) * 3, blocks=(4,), cell=2)),
    "AutoMix": automix(Net(convolutional(3), {"stage3": "1"}), AutoMixSpec(image=8), steps=60),
}
learned, moments, thirds = {}, {}, {}
for name, objective in objectives.items():
    train_objective(objective, pictures.float(), classes, 60)
    displaced = by_objective(objective, pictures, classes, 12, 30, generator(0, name))
    trained = objective.predictor().double().requires_grad_(False)
    learned[name] = expand(trained, pictures, targets, displaced)
    moments[name] = displaced.moments(len(pictures))
    thirds[name] = leading(trained, pictures, targets, displaced)
    found, trace = learned[name], moments[name].second.diagonal(dim1=1, dim2=2).sum(1)
    print(
        f"{name:10} R1 {found.R1:+.4f}  R2 {found.R2:.4f}  R3 {found.R3:+.4f}  "
        f"explained {100 * found.explained:.0f} %  "
        f"trace of T_i {trace.min():.1f} to {trace.max():.1f}"
    )
remainders(learned)

# %%
for name, row in rows.items():
    assert not row.failures(), row.failures()
    assert row.explained["random"] > 0.9
    assert row.explained["overfitted"] < 0.5
    assert abs(row.anchored["overfitted"] - 1) < abs(row.explained["overfitted"] - 1)
    c3, c4 = order[name]
    assert cancels(c3, c4, 1 / 16) or abs(measured[name].slopes[-1] - 3) < 0.2
for name, found in learned.items():
    c3, c4 = thirds[name]
    step = found.eps[-1]
    leading_terms = c3 * step**3 + c4 * step**4
    assert abs(found.remainder[-1] - leading_terms) < 0.1 * abs(leading_terms)
    assert abs(moments[name].mass.mean() - 1) < 1e-6
    assert torch.linalg.eigvalsh(moments[name].second).min() > -1e-10

# %%
share = {
    s: [row.explained[s] for row in rows.values()] for s in ("random", "trained", "overfitted")
}
sharper = [row.anchored["overfitted"] for row in rows.values()]
ratio = rows["CutMix"].terms["random"].R2 / rows["Mixup"].terms["random"].R2
first = [row.terms["random"].R1 / row.penalty["random"] for row in rows.values()]
Markdown(
    f"""## What was found

The identity is exact (largest difference {max(row.identity for row in rows.values()):.0e}), and
the remainder is of third order in the displacement. The three terms are
{100 * min(share["random"]):.0f} to {100 * max(share["random"]):.0f} % of what mixing adds on a
random network, {100 * min(share["trained"]):.0f} to {100 * max(share["trained"]):.0f} % on one
trained with the law, and {100 * min(share["overfitted"]):.0f} to
{100 * max(share["overfitted"]):.0f} % on one overfitted without it: the theorem is local,
mixing is not. On the random network {100 * min(first):.0f} to {100 * max(first):.0f} % are R1,
which hardly depends on the mask; what the mask changes is R2, {ratio:.1f} times as large for
CutMix as for Mixup. The anchored expansion explains {100 * min(sharper):.0f} to
{100 * max(sharper):.0f} % on the overfitted network. For AutoMix' own masks the terms explain
{100 * learned["AutoMix"].explained:.0f} %, for PuzzleMix'
{100 * learned["PuzzleMix"].explained:.0f} %. One network each: read shares to ten points."""
)
