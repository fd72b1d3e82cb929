"""``python -m proxeny`` and the console script ``proxeny``."""

from proxeny.cli import cli


def main() -> None:
    """Runs the command that was typed; ends with its exit status."""
    cli(prog_name="proxeny")


if __name__ == "__main__":
    main()
