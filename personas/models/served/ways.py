"""Which way of scoring a server offers: tried in turn, and taken only where its figures check out."""

from collections.abc import Callable

from personas.errors import ServerError
from personas.models.served.client import UNKNOWN, Client, NoReply, Unusable
from personas.models.served.forcing import Forced
from personas.models.served.scoring import Echo, Prefill, Scoring, checked

_Way = Callable[[Client, bool], Scoring]
WAYS: dict[str, _Way] = {
    "completions that repeat several prompts": lambda c, probe: Echo(c, together=True, probe=probe),
    "completions that repeat a prompt": lambda c, probe: Echo(c, together=False, probe=probe),
    "llama.cpp's grammar": lambda c, probe: Forced(c, python=False, probe=probe),
    "llama-cpp-python's grammar": lambda c, probe: Forced(c, python=True, probe=probe),
    "TGI's prefill": lambda c, probe: Prefill(c, probe=probe),
}
"""Ways by what they ask for, the cheapest first; the flag says whether it is only being tried."""


def choose(client: Client) -> tuple[str, Scoring]:
    """The first way that works on this server, and its name.

    Raises:
        ServerError: none does, or the server does not answer now; the message says what each met with.
    """
    met: list[str] = []
    silent, last = True, ""
    for name, way in WAYS.items():
        try:
            checked(way(client, True))
        except (NoReply, Unusable) as error:
            met.append(f"{name}: {error}")
            if isinstance(error, NoReply) and not error.final and error.status == 0:
                last = last or str(error)
            elif not (isinstance(error, NoReply) and error.status in UNKNOWN):
                silent = False
        else:
            return name, way(client, False)
    if silent and last:
        raise ServerError(f"no usable reply came from {last}. Run the same command once it answers")
    raise ServerError(
        f"{client.endpoint.host} cannot say how likely its model finds given texts, so closed questions "
        "cannot be asked of it (see docs/servers.md). Tried were\n- " + "\n- ".join(met)
    )
