"""What a training's history says of itself."""


def kept_epoch(history):
    """Return the epoch whose weights are kept, counted from 1.

    Args:
        history: DataFrame, one row an epoch.

    Returns:
        The epoch with the highest validation accuracy, the earliest of equals; the last one where
        nothing was set aside for validation.
    """
    if "val_accuracy" not in history:
        return len(history)
    return 1 + int(history["val_accuracy"].argmax())
