"""A network's weights from elsewhere: those of the same network, or of one with other classes."""

from torch import Tensor, nn

from alexnet.networks import last_layers
from alexnet.problem import Problem


def load_weights(network: nn.Module, weights: dict[str, Tensor], where: str) -> None:
    """Copy `weights` into `network`; a Problem names the keys and shapes that do not fit."""
    _require_fit(network.state_dict(), weights, where)
    network.load_state_dict(weights)


def transfer_weights(network: nn.Module, weights: dict[str, Tensor], where: str) -> list[str]:
    """Start `network` from another's `weights`; returns what starts afresh, as `fresh_weights` says."""
    fresh, own = fresh_weights(network, weights, where), network.state_dict()
    network.load_state_dict({name: own[name] if name in fresh else weights[name] for name in own})
    return fresh


def fresh_weights(network: nn.Module, weights: dict[str, Tensor], where: str) -> list[str]:
    """Names in the layers that give logits, if those are of other classes; nothing is loaded.

    Everything before them must fit, or a Problem names what does not ([P] §6 pre-trains on all of ImageNet,
    then trains on its 1000 classes with a new last layer). Side heads that `network` has not are left out.
    """
    own, last = network.state_dict(), last_layers(network)
    fresh = [name for name in own if name.rpartition(".")[0] in last]
    if all(name in weights and weights[name].shape == own[name].shape for name in fresh):
        fresh = []
    body = {
        name: tensor
        for name, tensor in weights.items()
        if name not in fresh and (name in own or not name.startswith("side"))
    }
    _require_fit({name: own[name] for name in own if name not in fresh}, body, where)
    return fresh


def _require_fit(own: dict[str, Tensor], weights: dict[str, Tensor], where: str) -> None:
    wrong = [f"lacks {name}" for name in own if name not in weights]
    wrong += [f"{name} is unknown" for name in weights if name not in own]
    wrong += [
        f"{name} is {list(weights[name].shape)} and should be {list(own[name].shape)}"
        for name in own
        if name in weights and weights[name].shape != own[name].shape
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise Problem(f"{where} does not fit the network: {'; '.join(wrong[:5])}{more}")
