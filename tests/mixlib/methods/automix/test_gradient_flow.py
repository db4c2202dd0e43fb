"""Who learns from which loss: every term reaches the part it is meant for, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from mixlib.core.labels import CrossEntropy
from mixlib.core.mix import blend
from mixlib.core.net import Net, inference
from mixlib.methods.automix import PRESETS, AutoMix, Features, JointMix, MomentumMix
from mixlib.methods.automix.draws import Draw
from mixlib.methods.automix.schedules import LamWeight, Momentum
from mixlib.methods.automix.teacher import Pair, Report
from mixlib.methods.cutmix import cutmix
from mixlib.methods.mixup import mixup
from mixlib.seed import generator
from tests.mixlib.methods.automix.golden_cases import tiny_resnet

FEATURES = Features("layer3", 8)
PAPER = PRESETS["paper"].spec


def make(spec=PAPER, steps: int = 10) -> AutoMix:
    torch.manual_seed(0)
    return AutoMix(Net(tiny_resnet()), FEATURES, spec, steps=steps).train()


def batch(n: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(3)
    return torch.randn(n, 3, 16, 16, generator=rng), torch.randint(5, (n,), generator=rng)


def reached(objective: nn.Module, loss: torch.Tensor) -> set[str]:
    """Parts whose parameters receive a gradient that is not zero."""
    objective.zero_grad(set_to_none=True)
    loss.backward()
    found = {
        name
        for name, part in objective.named_parameters()
        if part.grad is not None and part.grad.abs().sum() > 0
    }
    return {".".join(name.split(".")[: 2 if name.startswith("pair") else 1]) for name in found}


def terms(objective: AutoMix) -> dict[str, torch.Tensor]:
    """The four terms with their graphs."""
    x, y = batch()
    draw = Draw(torch.tensor([0.9]), torch.tensor([1, 2, 3, 4, 5, 0]))
    return objective.terms(x, y, draw, draw)[0]


@pytest.mark.parametrize(
    ("term", "parts"),
    [
        ("one", {"pair.q", "pair.q_heads"}),
        ("mix", {"pair.q", "pair.q_heads"}),
        ("generate", {"block"}),
        ("lam", {"block"}),
    ],
)
def test_each_loss_reaches_its_own_part_only(term, parts):
    objective = make()
    assert reached(objective, terms(objective)[term]) == parts


def test_the_total_reaches_everything_trainable_and_k_nothing():
    objective = make()
    x, y = batch()
    loss = objective(x, y, generator(0, "mix")).loss
    assert reached(objective, loss) == {"pair.q", "pair.q_heads", "block"}
    assert not any(p.requires_grad for p in (*objective.pair.k.parameters(),))
    groups = objective.groups()
    grouped = {id(p) for group in groups.values() for p in group}
    assert grouped == {id(p) for p in objective.parameters() if p.requires_grad}


def test_k_moves_by_the_moving_average_only():
    objective = make(replace(PAPER, momentum=Momentum(0.75, 0.75)))
    optim = torch.optim.SGD([p for g in objective.groups().values() for p in g], lr=0.1)
    x, y = batch()
    before = [p.clone() for p in objective.pair.k.parameters()]
    objective(x, y, generator(0, "mix")).loss.backward()
    optim.step()
    assert all(
        torch.equal(a, b) for a, b in zip(before, objective.pair.k.parameters(), strict=True)
    )
    objective.update_teacher(0)
    both = zip(before, objective.pair.k.parameters(), objective.pair.q.parameters(), strict=True)
    for old, k, q in both:
        torch.testing.assert_close(k, 0.75 * old + 0.25 * q)


def test_momentum_zero_is_a_copy():
    pair = Pair(Net(tiny_resnet()), ("mix",), Momentum(0.0, 0.0), 5)
    with torch.no_grad():
        for part in pair.q.parameters():
            part.normal_()
    pair.follow(0)
    assert all(
        torch.equal(a, b) for a, b in zip(pair.q.parameters(), pair.k.parameters(), strict=True)
    )


def test_statistics_follow_when_averaged_and_stay_when_own():
    for statistics, moved in (("ema", True), ("own", False)):
        pair = Pair(Net(tiny_resnet()), ("mix",), Momentum(0.5, 0.5), 5, statistics)
        pair.q.train()(batch()[0])
        before = pair.k.model.bn1.running_mean.clone()
        pair.follow(0)
        after = pair.k.model.bn1
        assert (not torch.equal(before, after.running_mean)) == moved
        assert int(after.num_batches_tracked) == int(moved)


def test_a_truncated_pass_gives_the_same_features():
    whole, short = make(replace(PAPER, full_pass=True)), make(PAPER)
    x, _ = batch()
    torch.testing.assert_close(whole.look(x), short.look(x))
    tracked = [int(o.pair.k.model.layer4[0].bn1.num_batches_tracked) for o in (whole, short)]
    assert tracked == [1, 0]


def test_the_block_rests_at_every_other_step_with_a_zero_gradient():
    objective = make(PRESETS["lean"].spec)
    x, y = batch()
    for i in range(4):
        objective.zero_grad(set_to_none=True)
        step = objective(x, y, generator(0, "mix", i))
        step.loss.backward()
        gradient = sum(p.grad.abs().sum() for p in objective.block.parameters())
        assert (gradient > 0) == (i % 2 == 0)
        assert ("generate" in step.terms) == (i % 2 == 0)
        objective.update_teacher(i)


def test_skipped_generation_keeps_the_lambda_loss():
    objective = make(replace(PAPER, skip=1.0))
    x, y = batch()
    assert set(objective(x, y, generator(0, "mix")).terms) == {"one", "mix", "lam"}


def test_the_returned_mix_is_what_q_saw():
    objective = make()
    x, y = batch()
    step = objective(x, y, generator(0, "mix"))
    assert not step.mix.mask.requires_grad
    logits = objective.pair.logits("q", "mix", blend(step.mix, x))
    torch.testing.assert_close(CrossEntropy()(step.mix, logits, {}, y).detach(), step.terms["mix"])
    torch.testing.assert_close(sum(step.terms.values()), step.loss.detach())


def test_one_lambda_per_sample():
    objective = make(replace(PAPER, scope="sample", lam_margin=0.08))
    x, y = batch()
    step = objective(x, y, generator(0, "mix"))
    assert len(step.mix.weight[:, 0].unique()) == len(x)


def test_resume_is_bit_identical():
    spec = replace(PRESETS["lean"].spec, lam_weight=LamWeight(shape="linear"))
    x, y = batch()

    def train(objective: AutoMix, optim: torch.optim.Optimizer, steps: range) -> None:
        for i in steps:
            optim.zero_grad()
            objective(x, y, generator(0, "mix", i)).loss.backward()
            optim.step()
            objective.update_teacher(i)

    def start() -> tuple[AutoMix, torch.optim.Optimizer]:
        objective = make(spec)
        parts = [p for g in objective.groups().values() for p in g]
        return objective, torch.optim.SGD(parts, lr=0.1, momentum=0.9)

    straight, optim = start()
    train(straight, optim, range(5))
    first, optim = start()
    train(first, optim, range(3))
    saved = first.state_dict(), optim.state_dict()
    second, optim = start()
    with torch.no_grad():
        for part in second.parameters():
            part.add_(1)
    second.load_state_dict(saved[0])
    optim.load_state_dict(saved[1])
    train(second, optim, range(3, 5))
    for name, part in straight.state_dict().items():
        assert torch.equal(part, second.state_dict()[name]), name


@pytest.mark.parametrize("policy", [mixup(), cutmix()], ids=["mixup", "cutmix"])
@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("statistics", ["own", "ema"])
def test_any_policy_in_the_momentum_pipeline(policy, one_hot, statistics):
    objective = MomentumMix(
        Net(tiny_resnet()),
        policy,
        Momentum(0.5, 0.5),
        steps=5,
        one_hot=one_hot,
        statistics=statistics,
    ).train()
    x, y = batch()
    step = objective(x, y, generator(0, "mix"))
    assert reached(objective, step.loss) == {"pair.q", "pair.q_heads"}
    assert all(p.grad is not None for p in objective.groups()["net"])
    assert int(objective.pair.k.model.bn1.num_batches_tracked) == (statistics == "own")
    objective.update_teacher(0)
    predictor = objective.predictor()
    with inference(predictor):
        assert predictor(x).shape == (6, 5)


def test_joint_training_entangles_the_two():
    torch.manual_seed(0)
    objective = JointMix(Net(tiny_resnet()), FEATURES, steps=5).train()
    x, y = batch()
    step = objective(x, y, generator(0, "mix"))
    assert reached(objective, step.loss) == {"net", "block"}
    objective.update_teacher(0)
    again = JointMix(Net(tiny_resnet()), FEATURES, steps=5)
    again.load_state_dict(objective.state_dict())
    assert again.get_extra_state() == 1


def test_contradictions_are_refused():
    with pytest.raises(ValueError, match="report 'mix'"):
        replace(PAPER, one_hot=False)
    with pytest.raises(ValueError, match="report 'mix'"):
        MomentumMix(Net(tiny_resnet()), mixup(), steps=5, report=Report("k", "one"))
    with pytest.raises(ValueError, match="every must be at least 1"):
        replace(PAPER, every=0)
    with pytest.raises(ValueError, match="length of the run"):
        make(steps=0)
