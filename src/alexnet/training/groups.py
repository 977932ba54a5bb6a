"""Groups of parameters that learn alike: by a recipe's rules, and by what they are."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from torch import nn

from alexnet.networks import last_layers
from alexnet.problem import UsageProblem
from alexnet.recipe import Recipe

Group = dict[str, Any]


class Kind(NamedTuple):
    """What the parameters of a group have in common."""

    rules: tuple[int, ...]  # numbers of the rules that fit
    decayed: bool
    plain: bool  # of muon: not a hidden layer's


def parameter_groups(recipe: Recipe, network: nn.Module) -> Iterator[Group]:
    """Group the parameters by the rules they fit; a rule or freeze that fits none is a UsageProblem."""
    _require_fit(recipe, network)
    frozen = frozen_patterns(recipe)
    ends = ends_of(network) if recipe.optimizer == "muon" else ()
    together: dict[Kind, list[tuple[str, nn.Parameter]]] = {}
    for name, weight in network.named_parameters():
        weight.requires_grad_(not any(fnmatchcase(name, pattern) for pattern in frozen))
        if weight.requires_grad:
            rules = tuple(i for i, rule in enumerate(recipe.rules) if fnmatchcase(name, rule.match))
            decayed = recipe.decay_of == "all" or weight.dim() > 1
            kind = Kind(rules, decayed, name.rpartition(".")[0] in ends)
            together.setdefault(kind, []).append((name, weight))
    for kind, named in together.items():
        fitting = tuple(recipe.rules[i] for i in kind.rules)
        decays = [rule.weight_decay for rule in fitting if rule.weight_decay is not None]
        usual = recipe.weight_decay if kind.decayed else 0.0
        yield {
            "params": [weight for _, weight in named],
            "names": [name for name, _ in named],
            "rules": fitting,
            "weight_decay": decays[-1] if decays else usual,
            **({"plain": kind.plain} if recipe.optimizer == "muon" else {}),
        }


def frozen_patterns(recipe: Recipe) -> tuple[str, ...]:
    """Patterns of the parameters that stay as they are."""
    return recipe.frozen + ((f"{recipe.whiten}.weight",) if recipe.whiten else ())


def ends_of(network: nn.Module) -> set[str]:
    """Names of the layers that are not hidden: the first, and those that give logits."""
    first = next(name for name, weight in network.named_parameters() if weight.dim() > 1)
    return {first.rpartition(".")[0], *last_layers(network)}


def _require_fit(recipe: Recipe, network: nn.Module) -> None:
    names = [name for name, _ in network.named_parameters()]
    for pattern in (*frozen_patterns(recipe), *(rule.match for rule in recipe.rules)):
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UsageProblem(
                f"recipe {recipe.name}: no parameter of {recipe.network} fits {pattern!r}; "
                f"there are {', '.join(names[:12])}{' …' if len(names) > 12 else ''}"
            )
