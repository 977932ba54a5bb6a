"""typer's help without what it imports for other programs: Markdown and tracebacks in colour.

They are a quarter of what `alexnet --help` takes; our help texts are plain and our errors one line.
"""

import sys
from types import ModuleType

UNUSED = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}


def import_lightly() -> None:
    """Import typer's help, with hollow modules in the place of `UNUSED` while that lasts."""
    hollow = {name: ModuleType(name) for name in UNUSED if name not in sys.modules}
    for name, module in hollow.items():
        setattr(module, UNUSED[name], type(UNUSED[name], (), {}))
    sys.modules.update(hollow)
    try:
        import typer.rich_utils  # noqa: F401
    except ImportError:  # another typer, which takes more from them: it imports all when it prints
        pass
    finally:
        for name in hollow:
            del sys.modules[name]
