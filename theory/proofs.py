"""Symbolic proofs of the theory's statements (SymPy), one function each.

A statement is a function that returns an expression which must be identically zero.  Polynomial
identities live in a ring over the rationals (seconds, where expanding expressions takes a
minute).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import sympy as sp
from sympy.polys.rings import PolyElement, ring

from .proofs_cutmix import CUTMIX_STATEMENTS

a, b, lam, t1, t2, k = sp.symbols("a b lambda t1 t2 kappa", positive=True)


def beta_moment(power: int, complement: int) -> sp.Expr:
    """E[lambda^power (1 - lambda)^complement] for lambda ~ Beta(a, b)."""
    ratio = sp.beta(a + power, b + complement) / sp.beta(a, b)
    return sp.gammasimp(ratio.rewrite(sp.gamma))


def mean(polynomial: sp.Expr) -> sp.Expr:
    """E of a polynomial in lambda for lambda ~ Beta(a, b)."""
    terms = sp.Poly(sp.expand(polynomial), lam).terms()
    return sp.simplify(sum(c * beta_moment(n, 0) for (n,), c in terms))


class _Jets:
    """Symbols of a two-jet expansion: m anchors with s pixels, K logits, mask atoms."""

    def __init__(self, pixels: int, data: int, classes: int, atoms: int) -> None:
        self.s, self.m, self.classes, self.atoms = pixels, data, classes, atoms
        s, m, n = range(pixels), range(data), range(classes)
        names = [f"x{i}_{p}" for i in m for p in s] + [f"y{i}_{c}" for i in m for c in n]
        names += [f"l{i}" for i in m] + [f"p{i}_{c}" for i in m for c in n]
        names += [f"h{i}_{c}_{d}" for i in m for c in n for d in n if c <= d]
        names += [f"g{i}_{c}_{p}" for i in m for c in n for p in s]
        names += [f"H{i}_{c}_{p}_{q}" for i in m for c in n for p in s for q in s if p <= q]
        names += [f"pi{e}" for e in range(atoms)] + [f"w{e}" for e in range(atoms)]
        names += [f"M{e}_{p}" for e in range(atoms) for p in s]
        self.ring, *symbols = ring(names, sp.QQ)
        self._by_name = dict(zip(names, symbols, strict=True))

    def __getitem__(self, name: str) -> PolyElement:
        return self._by_name[name]

    def slope(self, i: int, c: int, d: list[PolyElement]) -> PolyElement:
        """g_ic . d"""
        return sum((self[f"g{i}_{c}_{p}"] * d[p] for p in range(self.s)), self.ring.zero)

    def bend(self, i: int, c: int, weight: Callable[[int, int], PolyElement]) -> PolyElement:
        """sum_pq Hess f_ic[p,q] weight(p, q)"""
        pairs = product(range(self.s), repeat=2)
        return sum(
            (self[f"H{i}_{c}_{min(p, q)}_{max(p, q)}"] * weight(p, q) for p, q in pairs),
            self.ring.zero,
        )

    def loss(self, i: int, d: list[PolyElement]) -> PolyElement:
        """Two-jet of l(f(x_i + d), y_i): l + (p - y) . (J d + d Hess d / 2) + (J d) h (J d) / 2."""
        total, half = self[f"l{i}"], sp.Rational(1, 2)
        slopes = [self.slope(i, c, d) for c in range(self.classes)]
        for c in range(self.classes):
            bend = self.bend(i, c, lambda p, q: d[p] * d[q])
            total += (self[f"p{i}_{c}"] - self[f"y{i}_{c}"]) * (slopes[c] + bend * half)
        for c, e in product(range(self.classes), repeat=2):
            total += self[f"h{i}_{min(c, e)}_{max(c, e)}"] * slopes[c] * slopes[e] * half
        return total

    def moved(self, i: int, j: int, share: list[PolyElement]) -> list[PolyElement]:
        """share * (x_j - x_i)"""
        return [share[p] * (self[f"x{j}_{p}"] - self[f"x{i}_{p}"]) for p in range(self.s)]

    def each(self) -> Iterator[tuple[PolyElement, PolyElement, list[PolyElement]]]:
        """(probability, label share, mask) of every atom."""
        for e in range(self.atoms):
            yield self[f"pi{e}"], self[f"w{e}"], [self[f"M{e}_{p}"] for p in range(self.s)]


def two_jet_identity(
    pixels: int, data: int, classes: int, atoms: int = 2, term: str | None = None
) -> PolyElement:
    """E[two-jet of the MSDA loss] - (E~[1] L + R1 + R2 + R3) for arbitrary data, network, loss,
    label shares and masks: the theorem of the paper, with the swap, the factors 1/2 and the full
    softmax Hessian.  Nothing is assumed about E[M | lambda]; probabilities need not even sum to
    one.

    Args:
        term: only this term ("L", "R1", "R2" or "R3") against its own monomials of the loss.
    """
    z = _Jets(pixels, data, classes, atoms)
    one, m, s = z.ring.one, range(data), range(pixels)
    loss = z.ring.zero
    for i, j in product(m, m):
        for prob, w, own in z.each():
            lost = [one - v for v in own]
            loss += prob * (w * z.loss(i, z.moved(i, j, lost)))
            loss += prob * ((one - w) * z.loss(j, z.moved(j, i, own)))
    terms = _terms(z, m, s)
    if term is None:
        return loss - sum(terms.values(), z.ring.zero) * data
    return _part(z, loss, term) - terms[term] * data


# the monomials of every term: R1 holds gradients but no curvature, R2 the curvature h of the loss,
# R3 the Hessians H of the logits
MARKS = {"L": "l", "R1": "g", "R2": "h", "R3": "H"}


def _part(z: _Jets, polynomial: PolyElement, term: str) -> PolyElement:
    """The monomials of a two-jet that belong to one term."""
    kinds = [str(symbol)[0] for symbol in z.ring.gens]
    found = z.ring.zero
    for powers, coefficient in polynomial.terms():
        present = {kind for kind, power in zip(kinds, powers, strict=True) if power}
        marks = present & set(MARKS.values())
        # R2 holds gradients, too
        if (marks - {"g"} if "h" in marks else marks) == {MARKS[term]}:
            found += z.ring({powers: coefficient})
    return found


def _terms(z: _Jets, m: range, s: range) -> dict[str, PolyElement]:
    """m E~[1] L, m R1, m R2 and m R3 from a = E~[u], A = E~[u u^T] and C_i."""
    one, zero, half, count = z.ring.one, z.ring.zero, sp.Rational(1, 2), len(m)
    first = [zero for _ in s]
    second = {(p, q): zero for p in s for q in s}
    mass = sum((prob for prob, _, _ in z.each()), zero)
    for prob, w, own in z.each():
        for p in s:
            first[p] += prob * (w * (one - own[p]) + (one - w) * own[p])
            for q in s:
                tilted = w * (one - own[p]) * (one - own[q]) + (one - w) * own[p] * own[q]
                second[p, q] += prob * tilted
    total = dict.fromkeys(MARKS, zero)
    for i in m:
        gap = {(j, p): z[f"x{j}_{p}"] - z[f"x{i}_{p}"] for j in m for p in s}
        drift = [first[p] * sum((gap[j, p] for j in m), zero) for p in s]  # m a * (xbar - x_i)
        spread = {
            (p, q): second[p, q] * sum((gap[j, p] * gap[j, q] for j in m), zero) for p, q in second
        }  # m A o C_i
        total["L"] += mass * z[f"l{i}"] * count
        for c in range(z.classes):
            rest = z[f"p{i}_{c}"] - z[f"y{i}_{c}"]
            bend = z.bend(i, c, partial(_entry, spread))
            total["R1"] += rest * z.slope(i, c, drift)
            total["R3"] += rest * bend * half
        for c, e in product(range(z.classes), repeat=2):
            h = z[f"h{i}_{min(c, e)}_{max(c, e)}"] * half
            for p, q in second:
                total["R2"] += h * z[f"g{i}_{c}_{p}"] * z[f"g{i}_{e}_{q}"] * spread[p, q]
    return {term: value * sp.Rational(1, count) for term, value in total.items()}


def _entry(matrix: dict[tuple[int, int], PolyElement], p: int, q: int) -> PolyElement:
    return matrix[p, q]


def swap_of_mixup_moments() -> sp.Expr:
    """c1 = E[w (1 - lambda) + (1 - w) lambda] = 2 ab / ((a + b)(a + b + 1)), w = lambda."""
    return sp.simplify(mean(2 * lam * (1 - lam)) - 2 * a * b / ((a + b) * (a + b + 1)))


def third_moment() -> sp.Expr:
    """E~[(1 - lambda)^3] = ab (a^2 + 3a + b^2 + 3b + 4) / ((a+b)(a+b+1)(a+b+2)(a+b+3))."""
    found = mean(lam * (1 - lam) ** 3 + (1 - lam) * lam**3)
    below = (a + b) * (a + b + 1) * (a + b + 2) * (a + b + 3)
    return sp.simplify(found - a * b * (a**2 + 3 * a + b**2 + 3 * b + 4) / below)


def key_identity() -> sp.Expr:
    """A_jk = E[lambda (1 - lambda)] + E Cov(M_j, M_k | lambda) if E[M | lambda] = lambda = w."""
    cov = sp.Symbol("cov")
    both_lost = cov + (1 - lam) ** 2  # E[u_j u_k | lambda]
    both_kept = cov + lam**2  # E[M_j M_k | lambda]
    return sp.expand(lam * both_lost + (1 - lam) * both_kept - lam * (1 - lam) - cov)


def area_label_identity() -> sp.Expr:
    """With w the mean of M: grand mean of A = half the grand mean of a = w (1 - w), per mask."""
    w = sp.Symbol("w")
    grand_a = w * (1 - w) + (1 - w) * w
    grand_A = w * (1 - w) ** 2 + (1 - w) * w**2
    return sp.Abs(sp.expand(grand_A - w * (1 - w))) + sp.Abs(sp.expand(grand_a / 2 - w * (1 - w)))


def torus_cutmix() -> sp.Expr:
    """A of CutMix on the torus, lambda uniform, 1/2 >= t1 >= t2, is a polynomial of degree 4."""
    q = sp.Symbol("q", positive=True)
    pieces = [
        (t1, 1 - t1, (q - t1) * (q - t2)),
        (1 - t1, 1 - t2, (2 * q - 1) * (q - t2)),
        (1 - t2, 1, (2 * q - 1) ** 2),
    ]
    # lambda = 1 - q^2, so d lambda = 2 q dq
    covered = sum(sp.integrate(sp.expand(2 * q * f), (q, low, high)) for low, high, f in pieces)
    cubic = -2 * t1**3 - 3 * t2**3 - 3 * t1**2 * t2 + t1**4 + t2**4
    claim = (1 - 2 * t1 - 2 * t2 + 3 * t1**2 + 3 * t2**2 + 3 * t1 * t2 + cubic) / 3
    return sp.expand(sp.Rational(1, 6) + covered - sp.Rational(1, 3) - claim)


def plane_gmix() -> sp.Expr:
    """int G(c) G(c + D) dc = kappa/2 exp(-pi |D|^2 / (2 kappa)) for G = exp(-pi |c|^2 / kappa):
    one axis, whose square over both axes it is."""
    c, d = sp.symbols("c d", real=True)
    overlap = sp.integrate(
        sp.exp(-sp.pi * c**2 / k) * sp.exp(-sp.pi * (c + d) ** 2 / k), (c, -sp.oo, sp.oo)
    )
    return sp.simplify(overlap - sp.sqrt(k / 2) * sp.exp(-sp.pi * d**2 / (2 * k)))


def hmix_moments() -> sp.Expr:
    """HMix, u = 1 - s (1 - B), s = lambda / (share outside), w = lambda: in E~[u u'] the terms in
    lambda^3 cancel."""
    s, box, other = sp.symbols("s B B2")
    u, v = 1 - s * (1 - box), 1 - s * (1 - other)
    tilted = lam * u * v + (1 - lam) * (1 - u) * (1 - v)
    claim = lam - 2 * lam * s + s**2 + (lam * s - s**2) * (box + other) + s**2 * box * other
    return sp.expand(tilted - claim)


def hmix_covariance() -> sp.Expr:
    """HMix on a torus: Cov(M, M') = (lambda / (1 - p))^2 (P(both inside) - p^2), mean lambda."""
    p, both = sp.symbols("p both")
    s = lam / (1 - p)
    outside = 1 - 2 * p + both  # P(both pixels outside the box)
    covariance = sp.simplify(s**2 * outside - lam**2 - s**2 * (both - p**2))
    return sp.Abs(covariance) + sp.Abs(sp.simplify(s * (1 - p) - lam))


def softmax_hessian() -> sp.Expr:
    """Gradient and Hessian of log-sum-exp are p and diag(p) - p p^T (three classes)."""
    f = sp.symbols("f0:3", real=True)
    lse = sp.log(sum(sp.exp(v) for v in f))
    p = [sp.exp(v) / sum(sp.exp(u) for u in f) for v in f]
    total = sum(sp.Abs(sp.simplify(sp.diff(lse, f[c]) - p[c])) for c in range(3))
    for c, e in product(range(3), repeat=2):
        claim = p[c] * (1 if c == e else 0) - p[c] * p[e]
        total += sp.Abs(sp.simplify(sp.diff(lse, f[c], f[e]) - claim))
    return total


def logistic_third_derivative() -> sp.Expr:
    """max |softplus'''| = 1 / (6 sqrt 3), the constant of the remainder's certificate: with p the
    sigmoid, softplus''' = p (1 - p)(1 - 2p), extremal where 6 p^2 - 6 p + 1 = 0."""
    p = sp.Symbol("p")
    third = p * (1 - p) * (1 - 2 * p)
    values = [sp.Abs(third.subs(p, r)) for r in sp.solve(sp.diff(third, p), p)]
    return sp.simplify(sp.Max(*[sp.nsimplify(sp.simplify(v)) for v in values])) - 1 / (
        6 * sp.sqrt(3)
    )


STATEMENTS: dict[str, Callable[[], sp.Expr | PolyElement]] = {
    "two-jet = L+R1+R2+R3, s=2, binary": lambda: two_jet_identity(2, 2, 1),
    "two-jet = L+R1+R2+R3, s=3, binary": lambda: two_jet_identity(3, 2, 1),
    "two-jet = L+R1+R2+R3, s=2, m=3, binary": lambda: two_jet_identity(2, 3, 1),
    "two-jet = L+R1+R2+R3, s=2, K=2": lambda: two_jet_identity(2, 2, 2),
    "two-jet = L+R1+R2+R3, s=3, K=2": lambda: two_jet_identity(3, 2, 2),
    **{
        f"{term} alone, s=2, K=2": partial(two_jet_identity, 2, 2, 2, 2, term)
        for term in ("L", "R1", "R2", "R3")
    },
    "c1 = 2 c2 of a Beta law": swap_of_mixup_moments,
    "third tilted Beta moment": third_moment,
    "A = c2 11^T + E Cov(M|lambda)": key_identity,
    "grand mean of A = E[w(1-w)]": area_label_identity,
    "CutMix on the torus is a polynomial": torus_cutmix,
    **CUTMIX_STATEMENTS,
    "GMix on the plane": plane_gmix,
    "HMix tilted second moment": hmix_moments,
    "HMix torus covariance": hmix_covariance,
    "softmax gradient and Hessian": softmax_hessian,
    "max of the logistic third derivative": logistic_third_derivative,
}


def prove(name: str) -> None:
    """Checks one statement.

    Raises:
        AssertionError: the expression that should vanish, and what it came to.

    Example:
        >>> prove("A = c2 11^T + E Cov(M|lambda)")
    """
    found = STATEMENTS[name]()
    assert found == 0, f"{name}: left over {found}"
