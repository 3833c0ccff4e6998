"""Models that answer. Nothing here imports torch until a language model is really loaded."""

import os

# Threads of torch that wait for one another sleep instead of spinning. On two cores that another program
# uses as well, joint scoring keeps its pace that way and falls to an eighth of it otherwise; on idle cores
# nothing changes. It has to be said before torch is first imported; a setting of the user's own wins.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
