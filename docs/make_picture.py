"""Makes docs/report.png from a report: ``python docs/make_picture.py demo-out/report.html``.

Needs Chromium or Chrome on the machine; nothing else does.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# The browser is to draw one local file: no profile, no updates, no network of its own.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def browser() -> str:
    """Path of an installed browser.

    Raises:
        FileNotFoundError: none of the browsers is installed.
    """
    for name in _BROWSERS:
        found = shutil.which(name)
        if found is not None:
            return found
    raise FileNotFoundError(f"no browser found; install one of {', '.join(_BROWSERS)}")


def picture(report: Path, image: Path, width: int, height: int) -> None:
    """Draws the top ``width`` x ``height`` pixels of ``report`` into ``image``.

    Raises:
        FileNotFoundError: ``report`` does not exist, or there is no browser.
        RuntimeError: the browser drew nothing; its last words are in the message.
    """
    if not report.is_file():
        raise FileNotFoundError(f"{report}: no such report; `make demo` writes one")
    command = [browser(), *_FLAGS, f"--window-size={width},{height}"]
    # Drawn beside the old picture first, which thus stays whole if the browser fails.
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "report.png"
        profile = f"--user-data-dir={Path(folder) / 'profile'}"
        address = report.resolve().as_uri()
        run = subprocess.run(
            [*command, profile, f"--screenshot={drawn}", address], capture_output=True, text=True, timeout=120
        )
        if run.returncode != 0 or not drawn.is_file():
            raise RuntimeError(f"{command[0]} drew nothing (exit {run.returncode}): {run.stderr[-500:]}")
        shutil.copyfile(drawn, image)


def main() -> int:
    """Exit code: 0 where the picture was made, 1 where it could not be."""
    parser = argparse.ArgumentParser(
        description="Render an agreement report to a PNG with headless Chromium."
    )
    parser.add_argument("report", type=Path, help="report.html")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "report.png")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=1300)
    options = parser.parse_args()
    try:
        picture(options.report, options.out, options.width, options.height)
    except (FileNotFoundError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
