"""``python -m mirrorpanel``: the program, also for ``torchrun`` and ``accelerate launch``."""

from mirrorpanel.cli.app import main

if __name__ == "__main__":
    main()
