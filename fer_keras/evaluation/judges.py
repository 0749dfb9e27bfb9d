"""Score predictions by what people see in the faces, beside labels.

FER+ asked ten people about each face of FER2013 (Barsoum et al., 2016). An answer is scored by
FER2013's label; by the plurality, the emotion that most of them chose; and by its vote share, the
part of the ten who chose it. A person, the plurality and the label can be scored as networks are:
they show how high a score can be.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer_keras.data.labels import ALL_CLASS_NAMES, FERPLUS_NO_FACE, FERPLUS_UNKNOWN
from fer_keras.evaluation.chance import contrast, group_means

EMOTIONS = list(ALL_CLASS_NAMES)
NO_EMOTION = [FERPLUS_UNKNOWN, FERPLUS_NO_FACE]
MEASURES = ("label", "plurality", "vote_share")
"""What an answer is scored by; each score is in 0-1."""

PERSON, PLURALITY, LABEL = "one of the ten people", "the plurality", "FER2013's label"
"""Who is scored beside the arms."""


@dataclass(frozen=True)
class Judgement:
    """The scores of arms, and of people, on the images that people judge.

    Args:
        votes: DataFrame, one row a judged image, as `fer_plus.read_votes` returns it.
        groups: int array `(images,)`, equal for identical images.
        arms: dict from an arm's name to a float array `(3, seeds, images)`: the scores of its
            runs, in the order of `MEASURES`.
        people: dict from `PERSON`, `PLURALITY` and `LABEL` to a float array `(3, 1, images)`.
        left_out: dict from the name of an arm that is not scored to the reason.
        tested: number of test images of the first arm, judged or not.
    """

    votes: pd.DataFrame
    groups: np.ndarray
    arms: dict[str, np.ndarray]
    people: dict[str, np.ndarray]
    left_out: dict[str, str]
    tested: int

    def seeds(self, arm):
        """Return the number of an arm's runs.

        Args:
            arm: the arm's name.
        """
        return self.arms[arm].shape[1]

    def score(self, who, measure):
        """Estimate a mean score, over seeds and images.

        Args:
            who: the name of an arm, or one of `PERSON`, `PLURALITY` and `LABEL`.
            measure: one of `MEASURES`.

        Returns:
            A `chance.Estimate`.
        """
        every = self.arms if who in self.arms else {who: self.people[who]}
        return self._contrast(every, {who: 1}, MEASURES.index(measure))

    def difference(self, arm, reference, measure):
        """Estimate how much higher one arm's mean score is than another's.

        Args:
            arm: the arm's name.
            reference: the other arm's name.
            measure: one of `MEASURES`, or a pair of them: the difference by the first one minus
                the difference by the second.

        Returns:
            A `chance.Estimate`.
        """
        names = (measure,) if isinstance(measure, str) else measure
        places = [MEASURES.index(name) for name in names]
        return self._contrast(self.arms, {arm: 1, reference: -1}, *places)

    def _contrast(self, scores, weights, place, minus=None):
        values = {who: each[place] for who, each in scores.items()}
        if minus is not None:
            values = {who: values[who] - each[minus] for who, each in scores.items()}
        runs = {who: group_means(each, self.groups) for who, each in values.items()}
        return contrast(runs, weights)


def is_judged(votes):
    """Return which images people judge.

    They are those with two votes or more where neither `unknown` nor `NF`, not a face, has more
    votes than every emotion.

    Args:
        votes: DataFrame, as `fer_plus.read_votes` returns it.

    Returns:
        A bool array `(images,)`.
    """
    emotions, others = votes[EMOTIONS].to_numpy(), votes[NO_EMOTION].to_numpy()
    most = emotions.max(axis=1)
    has_votes = (most > 0) & (emotions.sum(axis=1) + others.sum(axis=1) > 1)
    return has_votes & (most >= others.max(axis=1))


def plurality(votes):
    """Return the emotions that most people chose.

    Args:
        votes: DataFrame, as `fer_plus.read_votes` returns it.

    Returns:
        A float array `(images, 8)` in the order of `ALL_CLASS_NAMES`: 1 for the emotion with the
        most votes; 1/k for each of k that tie.
    """
    return _shared_first(votes[EMOTIONS].to_numpy())


def measure(votes, answers):
    """Score answers on each image.

    Args:
        votes: DataFrame, as `fer_plus.read_votes` returns it, of judged images.
        answers: float array `(..., images, 8)`, how probable each emotion is as the answer; or a
            string array `(..., images)` of class names.

    Returns:
        A float array `(3, ..., images)`, 0-1, in the order of `MEASURES`: whether the answer is
        the label, whether it is the plurality, and its votes by the number of all votes.
    """
    answers = np.asarray(answers)
    answers = _one_hot(answers) if answers.dtype.kind in "UO" else answers
    shares = votes[EMOTIONS].to_numpy() / _num_votes(votes)[:, None]
    references = (_one_hot(votes["label"]), plurality(votes), shares)
    return np.array([(answers * reference).sum(axis=-1) for reference in references])


def measure_person(votes):
    """Score one of the people by the label, and by the others' votes.

    Args:
        votes: DataFrame, as `fer_plus.read_votes` returns it, of judged images.

    Returns:
        A float array `(3, images)`, as for `measure`: the mean over all people who voted. Who
        chose no emotion scores 0.
    """
    counts, total = votes[EMOTIONS].to_numpy(), _num_votes(votes)
    chosen = counts / total[:, None]
    by_others = [_shared_first(counts - row)[:, place] for place, row in enumerate(np.eye(8))]
    by_plurality = (chosen * np.transpose(by_others)).sum(axis=1)
    shared = (chosen * (counts - 1)).sum(axis=1) / (total - 1)
    return np.array([(chosen * _one_hot(votes["label"])).sum(axis=1), by_plurality, shared])


def judge(runs, votes):
    """Score the runs of arms on the judged images that they share.

    Args:
        runs: dict from an arm's name to a list of its runs' `Predictions`.
        votes: DataFrame, as `fer_plus.read_votes` returns it.

    Returns:
        A `Judgement`; `None` if no arm was tested on two judged images.
    """
    votes, kept, left_out = votes[is_judged(votes)], {}, {}
    shared = votes.index
    for arm, parts in runs.items():
        reason, own = _why_not(parts, votes.index), shared.intersection(parts[0].ids)
        if not reason and len(own) < 2:
            reason = f"it shares no judged test images with {next(iter(kept), None)}"
        if reason:
            left_out[arm] = reason
        else:
            kept[arm], shared = parts, own
    if not kept:
        return None
    votes, first = votes[votes.index.isin(shared)], next(iter(kept.values()))[0]
    answers = {LABEL: votes["label"], PLURALITY: plurality(votes)}
    people = {who: measure(votes, each)[:, None] for who, each in answers.items()}
    return Judgement(
        votes=votes,
        groups=first.groups[_places(first, votes)],
        arms={arm: _scores(parts, votes) for arm, parts in kept.items()},
        people={PERSON: measure_person(votes)[:, None], **people},
        left_out=left_out,
        tested=len(first.ids),
    )


def _why_not(parts, judged):
    """Return why an arm cannot be judged, or an empty text."""
    if any(not set(part.class_names) <= set(EMOTIONS) for part in parts):
        return "its classes are not FER+'s emotions"
    if any(set(part.ids.tolist()) != set(parts[0].ids.tolist()) for part in parts):
        return "its seeds are tested on different images"
    return "" if judged.isin(parts[0].ids).sum() > 1 else "there are no votes on its test images"


def _scores(parts, votes):
    """Return the scores of an arm's runs: a float array `(3, seeds, images)`."""
    chosen = [np.array(part.class_names)[part.y_pred[_places(part, votes)]] for part in parts]
    return measure(votes, chosen)


def _places(predictions, votes):
    return pd.Index(predictions.ids).get_indexer(votes.index)


def _one_hot(names):
    return (np.asarray(names)[..., None] == np.array(EMOTIONS)).astype(float)


def _num_votes(votes):
    return votes[[*EMOTIONS, *NO_EMOTION]].to_numpy().sum(axis=1)


def _shared_first(counts):
    is_first = counts == counts.max(axis=1, keepdims=True)
    return is_first / is_first.sum(axis=1, keepdims=True)
