"""What a training's history says of itself."""


def kept_epoch(history):
    """Return the place of the epoch whose weights are kept, counted from 0.

    Args:
        history: DataFrame, one row an epoch.

    Returns:
        The epoch with the highest validation accuracy, the earliest of equals; the last one where
        nothing was set aside for validation.
    """
    if "val_accuracy" not in history:
        return len(history) - 1
    return int(history["val_accuracy"].argmax())
