"""Read the command line, run one command, and end with the right exit code.

0: done. 1: the work failed. 2: bad usage. 130: ended with Ctrl-C.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from sertools import _interpreter
from sertools.cli import _output
from sertools.cli._parser import BadUsage, Parser

_COMMANDS = (
    *("datasets", "models", "fetch", "audit", "leakage", "evaluate", "train"),
    *("predict", "embed", "report", "compare", "new-notebook", "lab", "doctor"),
)
_EPILOG = """\
first steps:
  sertools report opensmile -p dataset demo   the main job on synthetic speech
  sertools fetch emodb                        real recordings, 40 MB
  sertools COMMAND --help                     what a command takes
"""


# What frameworks say on their own account, turned down before they are loaded.
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process if not given.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> main(["datasets", "no_such_corpus"])
    2
    """
    if argv is None:
        _interpreter.leave_folder()
    given = sys.argv[1:] if argv is None else list(argv)
    debug = "--debug" in given
    try:
        return _run(given, debug)
    except SystemExit as end:  # --help, --version
        return int(end.code or 0)
    except KeyboardInterrupt:
        _output.note("Stopped.")
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        _output.error(error, traceback=debug)
        return 2 if isinstance(error, BadUsage) else 1


def _run(given: list[str], debug: bool) -> int:
    arguments = _read([word for word in given if word != "--debug"])
    arguments.debug = debug
    safe = {} if arguments.command == "lab" else _interpreter.SAFE  # its kernels choose
    if debug:
        with _output.environment(safe):
            return arguments.run(arguments)
    with _output.environment(_QUIET | safe), _output.calm():
        return arguments.run(arguments)


def _read(given: list[str]) -> argparse.Namespace:
    named = next((word for word in given if not word.startswith("-")), "")
    parser, commands = _parser(named)
    arguments, unknown = parser.parse_known_args(given)
    if arguments.command is None:
        if unknown:
            parser.refuse(unknown)
        parser.print_help()
        raise SystemExit(0)
    chosen = commands[arguments.command]
    if unknown and not getattr(arguments, "hands_on", False):
        chosen.refuse(unknown)
    arguments.unknown = unknown
    return arguments


def _parser(named: str = "") -> tuple[Parser, dict[str, Parser]]:
    import sertools

    parser = Parser(
        prog="sertools",
        description=sertools.__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"sertools {sertools.__version__}"
    parser.add_argument("--version", action="version", version=version)
    debug = {"action": "store_true", "help": "show the whole traceback of an error"}
    parser.add_argument("--debug", **debug)
    group = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    commands = {}
    # A command that is named needs no other's options; for help, all say a line.
    wanted = [named] if named in _COMMANDS else _COMMANDS
    for name in wanted:
        module = importlib.import_module(f"sertools.cli.{name.replace('-', '_')}")
        summary = module.__doc__.partition("\n")[0]
        summary = summary[0].lower() + summary[1:].rstrip(".")
        commands[name] = group.add_parser(
            name, help=summary, description=module.__doc__
        )
        module.declare(commands[name])
        commands[name].set_defaults(run=module.run)
        commands[name].add_argument("--debug", **debug)
    return parser, commands
