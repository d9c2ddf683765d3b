"""Driving load: due times, values, the engine, its processes, and what they recorded."""

import os

# numpy's BLAS starts a thread for each core when it is imported. It is of no use here, and a process
# that forks should have no threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
