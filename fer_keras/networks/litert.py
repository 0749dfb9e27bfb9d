"""Networks in LiteRT's form, which recognises a face soonest on a CPU, without TensorFlow.

Weights are rounded to 8 bits, with a scale for each output channel, and each layer's input as it
comes ("dynamic range quantization",
https://ai.google.dev/edge/litert/models/post_training_quantization): no images are needed to
calibrate it, and probabilities move by some thousandths.
"""

import numpy as np

from fer_keras.utils.machine import num_cores
from fer_keras.utils.startup import quiet_start

MAX_THREADS = 4
"""More wait for each other longer than they save on faces of 48x48."""


def convert(network):
    """Return a trained network in LiteRT's form: bytes, a `.tflite` file's content.

    Args:
        network: a `keras.Sequential` on Keras' TensorFlow backend.
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
    """Return the function of a network in LiteRT's form.

    Args:
        content: bytes, as `convert` returns them.

    Returns:
        A function from an array `(n, height, width, channels)` to a float32 array, the
        prediction; to be called by one thread at a time.
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
