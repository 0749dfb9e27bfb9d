from dataclasses import replace

import numpy as np
from helpers import predictions_of

from fer_keras.evaluation.shared import on_shared_images, weak_classes


def test_shared_images_are_those_of_all_runs_in_the_order_of_the_first():
    ids = np.array(["x/4", "x/1", "x/3", "x/2"])
    first = predictions_of([0, 1, 2, 3], [0, 1, 2, 4], ids, groups=np.array([7, 7, 8, 9]))
    second = predictions_of([3, 2, 0], [3, 2, 1], np.array(["x/2", "x/3", "x/4"]))
    one, two = on_shared_images([first, second])
    for part in (one, two):
        assert part.ids.tolist() == ["x/4", "x/3", "x/2"] and part.y_true.tolist() == [0, 2, 3]
        assert part.groups.tolist() == [7, 8, 9]
    assert one.y_pred.tolist() == [0, 2, 4] and two.y_pred.tolist() == [1, 2, 3]
    other = replace(second, ids=np.array(["y/1", "y/2", "y/3"]))
    assert on_shared_images([first, other]) == []


def test_weak_classes_have_few_images_or_in_some_run_few_hits():
    names = ("a", "b", "c", "d")
    y_true = np.repeat([0, 1, 2, 3], [19, 20, 20, 200])
    good = predictions_of(y_true, y_true, class_names=names)
    assert weak_classes([good]) == ["a"]
    missed = y_true.copy()
    missed[19:35] = 3  # of b, 4 of 20 are found
    assert weak_classes([good, predictions_of(y_true, missed, class_names=names)]) == ["a", "b"]
    missed[34] = 1
    assert weak_classes([good, predictions_of(y_true, missed, class_names=names)]) == ["a"]
