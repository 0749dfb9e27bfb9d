"""The seeds that NumPy and Keras take."""

from fer_keras.utils.errors import InputError

MAX_SEED = 2**32 - 1


def require_seed(seed):
    """Raise InputError unless a value is a seed.

    Args:
        seed: what the user gave.
    """
    if type(seed) is not int or not 0 <= seed <= MAX_SEED:
        raise InputError(f"seed is {seed!r}; give a whole number from 0 to {MAX_SEED}.")
