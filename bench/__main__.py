"""Runs every benchmark in a process of its own and tells which goals are met: ``make bench``."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def benchmarks() -> list[str]:
    """The modules of this package that have a ``main``."""
    files = sorted(path for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    return [path.stem for path in files if "\ndef main(" in path.read_text()]


def main() -> int:
    asked = sys.argv[1:] or benchmarks()
    failed = []
    for name in asked:
        print(f"\n===== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"]).returncode:
            failed.append(name)
    print("\nAll goals are met." if not failed else f"\nNot all goals are met: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
