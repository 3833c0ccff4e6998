"""The program ``mirrorpanel``: exit code 0 done, 1 refused, 2 usage, 3 stopped before the end."""

import signal
import sys

import typer

from mirrorpanel.cli import (
    catalogues,
    field,
    inspection,
    main_job,
    margins,
    panel,
    privacy,
    review,
    train,
    write,
)
from mirrorpanel.cli.console import errors
from personas.errors import MirrorpanelError
from training.gradients.memory import is_out_of_memory

_NO_MEMORY = (
    "Out of memory. What was written before is kept. Close other programs, or use fewer people, fewer "
    "persons or a smaller language model, and run the same command again"
)
_INTERRUPTED = "Query interrupted"  # what DuckDB makes of Ctrl-C while it writes

app = typer.Typer(
    name="mirrorpanel",
    help="Synthetic panels that mirror real ones: ground, train, field, validate, report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(catalogues.models, name="models")
app.add_typer(catalogues.data, name="data")
catalogues.data.command("inspect")(inspection.inspect)
catalogues.data.command("margins")(margins.margins)
catalogues.data.command("refresh")(margins.refresh)
app.add_typer(panel.panel, name="panel")
app.add_typer(review.review, name="review")
app.add_typer(privacy.key, name="key")
app.add_typer(privacy.audit, name="audit")
for verb in (
    main_job.demo,
    main_job.init,
    main_job.ground,
    train.train,
    field.field,
    write.write,
    main_job.validate,
    main_job.report,
    privacy.erase,
):
    app.command()(verb)


def main() -> None:
    """Runs the command line; what users meet becomes a message and exit code 1."""
    try:
        app()
    except MirrorpanelError as error:
        _refuse(str(error))
    except (MemoryError, RuntimeError) as error:
        if str(error) == _INTERRUPTED:
            sys.exit(128 + signal.SIGINT)
        if not is_out_of_memory(error):
            raise
        _refuse(_NO_MEMORY)
    except OSError as error:
        _refuse(f"{error.filename or 'a file'}: {error.strerror or error}")


def _refuse(message: str) -> None:
    errors().print(f"mirrorpanel: {message}", markup=False, style="bold red")
    sys.exit(1)
