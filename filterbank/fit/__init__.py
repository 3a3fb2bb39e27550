"""Learning a bank from pairs of images: what turned the one into the other, in closed form.

    targets ≈ b + Σ w · shifted inputs

is linear in weights and biases, so that the least squares have one answer; behind an activation they are
searched for. Pairs are read one at a time and the sums of products that are needed are taken in row bands:
memory does not grow with the number of images.
"""

from filterbank.fit.learn import Fitted, learn
from filterbank.fit.outputs import Settings
from filterbank.fit.pictures import Pair

__all__ = ["Fitted", "Pair", "Settings", "learn"]
