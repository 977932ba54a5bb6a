"""What a step learns: mixed pictures and shares of labels, a teacher, weights of classes, sizes."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from alexnet.ingredients import Mix, Teacher
from alexnet.recipe import Recipe
from alexnet.schedule import Constant, Sizes
from alexnet.training.lesson import loss_of
from alexnet.training.targets import beta, mixed, pasted, resized, taught, weighted

CPU = torch.device("cpu")


def plain(network, images, labels, label_smoothing=0.0):
    return F.cross_entropy(network(images), labels, label_smoothing=label_smoothing)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.rand(6, 3, 12, 12), torch.tensor([0, 1, 2, 3, 0, 1])


@pytest.fixture
def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 4))


def test_mixup_is_the_blend_of_both_and_of_their_labels(batch):
    images, labels = batch
    torch.manual_seed(5)
    found, targets = mixed(images, labels, Mix(mixup=0.4), 4)
    own = targets[0, 0].item()  # of a picture of class 0 beside one of class 1
    assert 0 < own < 1
    torch.testing.assert_close(found, own * images + (1 - own) * images.flip(0))
    torch.testing.assert_close(targets.sum(1), torch.ones(6))


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.0, 0.9), (1.0, 1.0)])
def test_cutmix_pastes_a_window_and_counts_what_is_left(batch, centre):
    images, _ = batch
    found, own = pasted(images, 0.6, centre)
    theirs = (found == images.flip(0)).all(1) & (found != images).any(1)
    assert own == pytest.approx(1 - theirs[0].float().mean().item(), abs=1e-6)
    assert ((found == images).all(1) | theirs).all()
    if centre == (0.5, 0.5):
        assert own == pytest.approx(0.6, abs=0.1)


def test_a_step_is_mixed_alike_whenever_it_is_taken(batch):
    mix = Mix(mixup=0.2, cutmix=1.0)

    def at(seed):
        torch.manual_seed(seed)
        return mixed(*batch, mix, 4)

    for one, again in zip(at(3), at(3), strict=True):
        assert torch.equal(one, again)
    kinds = {torch.equal(at(seed)[0], at(seed + 1)[0]) for seed in range(8)}
    assert kinds == {False}


def test_a_share_of_batches_stays_as_it_is(batch):
    torch.manual_seed(0)
    untouched = sum(torch.equal(mixed(*batch, Mix(mixup=1.0, share=0.3), 4)[0], batch[0]) for _ in range(400))
    assert 240 < untouched < 320


def test_beta_has_its_mean_and_variance():
    torch.manual_seed(0)
    drawn = torch.tensor([beta(0.3) for _ in range(4000)])
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.02)
    assert drawn.var().item() == pytest.approx(1 / (4 * (2 * 0.3 + 1)), rel=0.06)


def test_a_teacher_adds_its_divergence(batch, network):
    images, labels = batch
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 4)).eval()
    found = taught(plain, teacher, 0.7, 4)(network, images, labels)
    answers, own = teacher(images).softmax(1), network(images)
    expected = 0.3 * F.cross_entropy(own, labels) + 0.7 * F.cross_entropy(own, answers)
    torch.testing.assert_close(found, expected)
    found.backward()
    assert teacher[1].weight.grad is None
    assert network[1].weight.grad is not None


def test_weights_of_classes_scale_their_pictures_losses(batch, network):
    images, labels = batch
    weights = torch.tensor([2.0, 0.5, 1.0, 0.25])
    found = weighted(plain, weights, 4)(network, images, labels)
    each = F.cross_entropy(network(images), labels, reduction="none")
    torch.testing.assert_close(found, (each * weights[labels]).mean())


def test_pictures_are_brought_to_the_size_of_the_moment(batch):
    seen = []

    def loss(network, images, labels):
        seen.append(tuple(images.shape[2:]))
        return images.sum()

    for side in (8, 12, 20):
        resized(loss, lambda side=side: side)(None, *batch)
    assert seen == [(8, 8), (12, 12), (12, 12)]


def test_the_recipe_says_what_is_wrapped(batch, network):
    images, labels = batch
    base = Recipe(name="r", network="lenet", epochs=4, learning_rate=Constant(start=0.1), crop=12)
    made = partial(loss_of, plain=plain, classes=4, share=lambda: 0.6, device=CPU)
    torch.testing.assert_close(made(base)(network, images, labels), plain(network, images, labels))
    smooth = base.model_copy(update={"label_smoothing": 0.1})
    torch.testing.assert_close(
        made(smooth)(network, images, labels), plain(network, images, labels, label_smoothing=0.1)
    )
    over = base.model_copy(update={"mix": Mix(mixup=1.0, until=2)})  # 0.6 of four epochs are more than two
    torch.testing.assert_close(made(over)(network, images, labels), plain(network, images, labels))
    torch.manual_seed(0)
    under = base.model_copy(update={"mix": Mix(mixup=1.0, until=3)})
    assert not torch.allclose(made(under)(network, images, labels), plain(network, images, labels))
    learned = base.model_copy(update={"teacher": Teacher(run="there", share=1.0)})
    twin = made(learned, teacher=network)(network, images, labels)
    answers = network(images).softmax(1)
    torch.testing.assert_close(twin, -(answers * answers.log()).sum(1).mean())
    small = base.model_copy(update={"sizes": Sizes(starts=(0, 0.5), values=(8, 10))})
    with pytest.raises(RuntimeError):  # a dense layer for 12 x 12 sees 10 x 10
        made(small)(network, images, labels)
