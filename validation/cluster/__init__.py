"""Answering on a Ray cluster: the workers answer parts of a run, and this process alone writes.

Every worker is a process with a device of its own: a GPU where a language model reads persons and questions
and the cluster has GPUs, else a core. The model lies once in the cluster's object store, with what has been
encoded of persons and questions (``FactoredModel.__getstate__``); a language model does not travel, and each
worker loads the same weights. A draw is a function of seed, person and question, so the order in which parts
come back, and who answered them, changes nothing. A worker that dies is replaced, and the parts that it had
are given to others; each part comes back once.
"""

from validation.cluster.connection import ClusterError
from validation.cluster.crew import Cluster

__all__ = ["Cluster", "ClusterError"]
