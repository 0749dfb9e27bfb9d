"""A plain PyTorch training loop, in a process of its own: its compiler and TensorFlow's clash."""

import multiprocessing


def training_epochs(layers, images, labels, batch_size):
    """Start a process that trains a network, an epoch at each request.

    Args:
        layers: list of `(name, arguments)` of `torch.nn` layers.
        images: uint8 array `(n, 48, 48)`.
        labels: int array `(n,)`.
        batch_size: images a step.

    Returns:
        A function that trains one more epoch; None where PyTorch is not installed.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (theirs, layers, images, labels, batch_size)
    context.Process(target=_serve, args=arguments, daemon=True).start()
    if not ours.recv():
        return None

    def epoch():
        ours.send(len(images))
        ours.recv()

    return epoch


def _serve(connection, layers, images, labels, batch_size):
    try:
        import torch
    except ImportError:
        connection.send(False)
        return
    model = torch.nn.Sequential(*(getattr(torch.nn, name)(*args) for name, args in layers))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    images, labels = torch.from_numpy(images[:, None]), torch.from_numpy(labels.astype("int64"))

    def epoch(count):
        model.train()
        for index in torch.randperm(count).split(batch_size):
            logits = model(images[index].float() / 255)
            loss = torch.nn.functional.cross_entropy(logits, labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    epoch(2 * batch_size)
    connection.send(True)
    try:
        while True:
            epoch(connection.recv())
            connection.send(True)
    except EOFError:  # the benchmark is done with it
        return
