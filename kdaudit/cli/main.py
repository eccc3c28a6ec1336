"""The app and its exit codes. Command modules are imported when they run, so that `--help` loads nothing heavy."""

from __future__ import annotations

import io
import os
import sys
import traceback
from pathlib import Path

import typer

from kdaudit import __version__
from kdaudit.cli.cache import cache
from kdaudit.cli.check import check
from kdaudit.cli.compare import compare
from kdaudit.cli.console import say
from kdaudit.cli.data import data
from kdaudit.cli.demo import demo
from kdaudit.cli.doctor import doctor
from kdaudit.cli.environment import known_variables, unknown_variables
from kdaudit.cli.explain import explain
from kdaudit.cli.help import HelpCommand, HelpGroup
from kdaudit.cli.init import init
from kdaudit.cli.judge import ManyFiles, judge
from kdaudit.cli.plan import plan
from kdaudit.cli.predict import predict
from kdaudit.cli.report import report
from kdaudit.cli.schema import schema
from kdaudit.cli.verify import verify
from kdaudit.errors import EXIT_BUG, EXIT_INTERRUPTED, KDAuditError

app = typer.Typer(
    name="kdaudit",
    cls=HelpGroup,
    help="Audit a distilled model before it ships: did the student take over its teacher's mistakes?\n\n"
    "Exit codes: 0 pass, 1 fail, 2 usage, 3 inconclusive, 4 could not run, 70 a bug, 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,  # help.py shows help; brackets in it are text
    pretty_exceptions_enable=False,
)
for command in (check, compare, demo, doctor, explain, init, judge, plan, predict, report, schema, verify):
    app.command(cls=ManyFiles if command is judge else HelpCommand)(command)
app.add_typer(cache, name="cache", cls=HelpGroup)
app.add_typer(data, name="data", cls=HelpGroup)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kdaudit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    ctx: typer.Context,
    version: bool = typer.Option(  # noqa: ARG001 - its callback does it
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Take the options that stand before a command."""
    if not {"-q", "--quiet"} & set(sys.argv):
        for notice in unknown_variables(os.environ, known_variables(ctx.command)):
            say(notice)


def main() -> None:
    """Run the command line; every exception becomes an exit code and one line on standard error."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by `>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - to the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console without "≤" must not end an audit
    try:
        app(prog_name="kdaudit")  # however it was started: completion is by this name
    except KDAuditError as error:
        say(f"kdaudit: {error.message}")
        if error.hint:
            say(f"hint: {error.hint}")
        if _very_verbose():
            say(traceback.format_exc())
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.exit(EXIT_BUG)
    except Exception:
        say(traceback.format_exc())
        say("kdaudit: a bug in kdaudit, not in your models; please report it with the lines above")
        sys.exit(EXIT_BUG)


def _very_verbose() -> bool:
    return sys.argv.count("-v") + 2 * sys.argv.count("-vv") >= 2
