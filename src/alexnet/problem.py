"""What a user can put right: said in one line, with an exit code and no traceback."""


class Problem(Exception):  # noqa: N818  (it is the user's problem, not the program's error)
    """The input or the data is at fault: one line that says what, where and what to do."""

    exit_code = 1


class UsageProblem(Problem):
    """The command line, or a value given to a function, is at fault."""

    exit_code = 2
