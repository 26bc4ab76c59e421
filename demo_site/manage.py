"""Django's command line for the demo site: ``python demo_site/manage.py`` or ``python -m demo_site.manage``."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Run a management command."""
    here = Path(__file__).resolve().parent
    # As a script, Python puts demo_site/ first on the path, where its packages would be importable twice.
    sys.path[:] = [
        str(here.parent),
        *(entry for entry in sys.path if Path(entry or ".").resolve() != here),
    ]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_site.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - after the path is right

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
