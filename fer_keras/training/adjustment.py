"""Move a trained network towards rare classes.

Menon et al., "Long-tail Learning via Logit Adjustment" (2021): the logits lose a multiple of the
logarithm of their class's share of training. The last layer's bias takes this up, so that the
network stays as fast and as easy to store as it was.
"""

import keras
import numpy as np

from fer_keras.training.feeds import targets_of
from fer_keras.utils.errors import InputError


def require_adjustable(network):
    """Refuse a network that cannot be adjusted, before it is trained.

    Args:
        network: a Keras model.

    Raises:
        InputError: if its last layer is not `Dense` with softmax and a bias.
    """
    last = network.layers[-1]
    is_softmax = getattr(last, "activation", None) is keras.activations.softmax
    if not (isinstance(last, keras.layers.Dense) and is_softmax and last.use_bias):
        raise InputError(
            "logit_adjustment needs a network that ends in Dense with softmax and a bias, and "
            f"{network.name} ends in {type(last).__name__}; set logit_adjustment=0."
        )


def adjust_logits(network, faces, strength):
    """Divide probabilities by a power of the classes' shares.

    Args:
        network: a Keras model that `require_adjustable` accepts; its last bias is changed.
        faces: the training `Faces`; soft `targets` count where it has them. A class that none of
            them has stays as it is.
        strength: the power, above 0.
    """
    shares = targets_of(faces).mean(axis=0, dtype=np.float64)
    logs = np.log(shares, out=np.zeros(len(shares)), where=shares > 0)
    bias = network.layers[-1].bias
    bias.assign(np.asarray(bias) - strength * logs)
