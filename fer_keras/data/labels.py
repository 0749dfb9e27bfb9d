"""Class names in one order, and how each storage form spells them."""

# FER2013's own order of codes, whatever form the data is stored in. Keras sorts folders by name
# and so puts neutral at 4, which gives confusion matrices that cannot be compared.
CLASS_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

ALL_CLASS_NAMES = (*CLASS_NAMES, "contempt")
"""FER2013's classes and the eighth that FER+ adds, last so that the others keep their codes."""

FOLDER_NAMES = {name: name for name in CLASS_NAMES}
FOLDER_NAMES |= {"anger": "angry", "disgusted": "disgust", "fearful": "fear"}
FOLDER_NAMES |= {"happiness": "happy", "sadness": "sad", "surprised": "surprise"}
"""Lower-case folder name -> class name."""

RAFDB_CLASSES = dict(
    enumerate(("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"), 1)
)
"""RAF-DB's code -> class name, as its readme numbers the basic emotions (Li, Deng and Du: Reliable
Crowdsourcing and Deep Locality-Preserving Learning ..., CVPR 2017)."""

FERPLUS_COLUMNS = dict(
    zip(
        ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
        ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"),
    )
)
"""Column of FER+'s fer2013new.csv -> class name, by its header (Barsoum et al.: Training Deep
Networks ... with Crowd-Sourced Label Distribution, ICMI 2016; github.com/microsoft/FERPlus)."""

FERPLUS_UNKNOWN = "unknown"
"""FER+'s column for votes that name none of the emotions."""

FERPLUS_NO_FACE = "NF"
"""FER+'s column for votes that a picture is not a face."""

LABELS = ("own", "own_given_votes", "ferplus", "ferplus_votes")
"""What faces are labelled by, as `Recipe.labels` says."""
