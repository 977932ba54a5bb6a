"""How far an exported file may answer from the run that it was made of."""

from pathlib import Path

from alexnet.problem import Problem
from alexnet.serving.agreement import Agreement

DIFFERENCE = 1e-4  # of a probability, in float32
GROWTH = 0.5  # points of top-1 error, in int8
AGREEMENT = 0.95  # of the answers in int8, where no classes are known


def require_agreement(compared: Agreement, path: Path, int8: bool) -> None:
    """A Problem where the file answers differently; what was written then goes."""
    if not int8:
        wrong = compared.max_abs_difference > DIFFERENCE or compared.top1_agreement < 1
    elif compared.growth is not None:
        wrong = compared.growth > GROWTH
    else:
        wrong = compared.top1_agreement < AGREEMENT
    if wrong:
        raise Problem(
            f"{path} is not kept: of {compared.pictures} pictures it answers {compared.top1_agreement:.1%} "
            f"as the run does, probabilities differ by up to {compared.max_abs_difference:.1e}"
            f"{_errors(compared)}; allowed is {tolerance(compared, int8)}"
        )


def _errors(compared: Agreement) -> str:
    if compared.growth is None:
        return ""
    return f", top-1 error {compared.top1_error:.2f} % for {compared.original_top1_error:.2f} %"


def tolerance(compared: Agreement, int8: bool) -> str:
    """What is allowed, in words."""
    if not int8:
        return f"{DIFFERENCE:g} of a probability, and the same answer but for exact ties"
    if compared.growth is None:
        return f"{AGREEMENT:.0%} of the answers the same"
    return f"{GROWTH} points of top-1 error"
