"""PyTorch's training loop in several forms, each in a process of its own.

Its compiler and TensorFlow's clash in one process.
"""

import importlib.util
import math
import multiprocessing
import os
from contextlib import contextmanager
from dataclasses import dataclass

KEEPS_MEMORY = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), "4294967296")
"""Lets glibc keep what is freed: returned to the system, it would be cleared for each step."""

WARM_UP, FIRST_SHARE, MOMENTUM = 0.2, 1 / 25, 0.9
"""Of `quick`'s optimiser: the share of steps in which the rate rises, and what it begins with."""


@dataclass(frozen=True)
class Form:
    """A form of the loop.

    Args:
        channels_last: whether images and weights lie in memory as in TensorFlow.
        compiled: whether `torch.compile` makes one program of network and loss.
        keeps_memory: whether the allocator of the C library keeps what is freed.
        bfloat16: whether autocast multiplies in bfloat16.
    """

    channels_last: bool = True
    compiled: bool = True
    keeps_memory: bool = True
    bfloat16: bool = False

    def __str__(self):
        parts = ["channels_last"] * self.channels_last
        return ", ".join(["PyTorch", *parts, "compiled" if self.compiled else "eager"])


FORMS = (
    Form(channels_last=False, compiled=False, keeps_memory=False),
    Form(compiled=False),
    Form(),
)
"""What is measured: the loop that one writes first, and PyTorch at its best, eager or compiled."""


def is_installed():
    """Return whether PyTorch is here."""
    return importlib.util.find_spec("torch") is not None


@contextmanager
def training_epochs(form, layers, optimizer, images, labels, batch_size):
    """Start a process that trains a network, an epoch at each request.

    Args:
        form: the `Form`.
        layers: list of `(name, arguments)` of `torch.nn` layers.
        optimizer: `adam`, or `sgd` with Nesterov momentum 0.9.
        images: uint8 array `(n, 48, 48)`.
        labels: int array `(n,)`.
        batch_size: images a step.

    Yields:
        A function that trains one more epoch. The process ends with the block.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (theirs, form, layers, optimizer, images, labels, batch_size)
    process = context.Process(target=_serve, args=arguments, daemon=True)
    before = os.environ.copy()
    os.environ.update(KEEPS_MEMORY if form.keeps_memory else {})  # glibc reads it at the start
    try:
        process.start()
    finally:
        os.environ.clear()
        os.environ.update(before)
    theirs.close()  # so that a process that dies is noticed
    ours.recv()

    def epoch():
        ours.send(len(images))
        ours.recv()

    try:
        yield epoch
    finally:
        ours.close()
        process.join()


def one_cycle(step, steps):
    """Return the share of the highest learning rate: a straight rise, and a cosine's fall to 0."""
    rise = round(WARM_UP * steps)
    if step < rise:
        return FIRST_SHARE + (1 - FIRST_SHARE) * step / rise
    return (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2


def _serve(connection, form, layers, optimizer, images, labels, batch_size):
    epoch = _epoch(form, layers, optimizer, images, labels, batch_size)
    for _ in range(2):  # compiled for the first batch's strides, it may be again for the second's
        epoch(2 * batch_size)
    connection.send(True)
    try:
        while True:
            epoch(connection.recv())
            connection.send(True)
    except EOFError:  # the benchmark is done with it
        return


def _epoch(form, layers, optimizer, images, labels, batch_size):
    """Return a function that trains on so many images."""
    import torch

    on_gpu = torch.cuda.is_available()
    device = "cuda" if on_gpu else "cpu"
    layout = torch.channels_last if form.channels_last else torch.contiguous_format
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.benchmark = True
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = torch.nn.Sequential(*(getattr(torch.nn, name)(*args) for name, args in layers))
    model = model.to(device, memory_format=layout).train()
    step = _optimizer(torch, optimizer, model.parameters())
    images = torch.from_numpy(images[:, None]).to(device)
    labels = torch.from_numpy(labels.astype("int64")).to(device)

    def loss_of(images, labels):
        with torch.autocast(device, torch.bfloat16, enabled=form.bfloat16):
            logits = model(images.to(torch.float32, memory_format=layout) / 255)
        return torch.nn.functional.cross_entropy(logits.float(), labels)

    if form.compiled:
        loss_of = torch.compile(loss_of, mode="reduce-overhead" if on_gpu else "default")

    def epoch(count):
        for index in torch.randperm(count, device=device).split(batch_size):
            loss = loss_of(images[index], labels[index])
            step.zero_grad()
            loss.backward()
            step.step()
        if on_gpu:
            torch.cuda.synchronize()

    return epoch


def _optimizer(torch, name, parameters):
    if name == "sgd":
        return torch.optim.SGD(parameters, 0.01, momentum=MOMENTUM, nesterov=True, fused=True)
    return torch.optim.Adam(parameters, 1e-3, fused=True)
