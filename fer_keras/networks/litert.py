"""Networks in LiteRT's format, the fastest for single faces on a CPU.

They run without TensorFlow. "Dynamic range quantization"
(https://ai.google.dev/edge/litert/models/post_training_quantization) rounds weights to 8 bits, and
layers' inputs while they are computed. It changes probabilities by some thousandths.
"""

import numpy as np

from fer_keras.utils.machine import num_cores
from fer_keras.utils.startup import quiet_start

MAX_THREADS = 4  # for such small images, more threads wait longer than they save


def convert(network):
    """Convert a trained network to LiteRT's format.

    Args:
        network: a Keras model on the TensorFlow backend.

    Returns:
        The content of a `.tflite` file, bytes.
    """
    import tensorflow as tf

    from fer_keras.networks.backend import inference

    one_image = tf.TensorSpec((1, *network.input_shape[1:]), tf.float32)
    function = tf.function(inference(network), input_signature=[one_image])
    with quiet_start():
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [function.get_concrete_function()], tf.Module()
        )
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return converter.convert()


def load(content):
    """Load a network from LiteRT's format.

    Args:
        content: bytes, as from `convert`.

    Returns:
        A function from an array `(n, height, width, channels)` to the network's output, a float32
        array `(n, ...)`. Only one thread may call it at a time.
    """
    with quiet_start():
        from ai_edge_litert.interpreter import Interpreter

        threads = min(num_cores(), MAX_THREADS)
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    entry, exit_ = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def infer(images):
        answers = np.empty((len(images), *exit_["shape"][1:]), np.float32)
        # One by one is as fast as in batches, and needs no other shape.
        for answer, image in zip(answers, images):
            interpreter.set_tensor(entry["index"], image[np.newaxis].astype(entry["dtype"]))
            interpreter.invoke()
            answer[:] = interpreter.get_tensor(exit_["index"])[0]
        return answers

    return infer
