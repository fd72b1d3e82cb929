"""The command line: ``proxeny``. One module for each group of commands, loaded when it is typed.

Exit status: 0 done, 1 failed or something is wrong (said on standard error), 2 wrong usage, 3 an entity was skipped.
"""

from proxeny.cli.program import Program

COMMANDS = {
    "serve": "proxeny.cli.serving:serve",
    "check": "proxeny.cli.checking:check",
    "transform": "proxeny.cli.transforming:transform",
    "transform check": "proxeny.cli.transforming:transform_check",
    "system": "proxeny.cli.systems:system",
    "client": "proxeny.cli.clients:client",
    "secrets": "proxeny.cli.secret_keys:secrets",
    "audit": "proxeny.cli.auditing:audit",
    "cert": "proxeny.cli.certs:cert",
    "directory": "proxeny.cli.directory:directory",
    "job": "proxeny.cli.jobs:job",
    "why": "proxeny.cli.verdicts:why",
}
"""What is typed → where it is; two words are a command beside the one-word command that takes arguments."""

cli = Program(name="proxeny", commands_at=COMMANDS, help="A SCIM 2.0 gateway: any backend as a SCIM service provider.")

__all__ = ["COMMANDS", "cli"]
