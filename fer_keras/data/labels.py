"""Class names in one canonical order, and how each storage form spells them."""

# FER2013's own code order (code 0 is angry, ..., 6 is neutral), whatever form the data is stored
# in. Folder loaders sort by name and so put neutral at 4: the classic cause of confusion matrices
# that cannot be compared.
CLASS_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

ALL_CLASS_NAMES = (*CLASS_NAMES, "contempt")
"""FER2013's classes and the eighth that FER+ adds, last so that the others keep their codes."""

FOLDER_NAMES = {
    "angry": "angry",
    "anger": "angry",
    "disgust": "disgust",
    "disgusted": "disgust",
    "fear": "fear",
    "fearful": "fear",
    "happy": "happy",
    "happiness": "happy",
    "sad": "sad",
    "sadness": "sad",
    "surprise": "surprise",
    "surprised": "surprise",
    "neutral": "neutral",
}
"""Lower-case folder name -> class name."""

RAFDB_CLASSES = {
    1: "surprise",
    2: "fear",
    3: "disgust",
    4: "happy",
    5: "sad",
    6: "angry",
    7: "neutral",
}
"""RAF-DB's code -> class name, as the data set's own readme numbers the basic emotions (Li, Deng
and Du: Reliable Crowdsourcing and Deep Locality-Preserving Learning ..., CVPR 2017)."""

FERPLUS_COLUMNS = {
    "neutral": "neutral",
    "happiness": "happy",
    "surprise": "surprise",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "contempt": "contempt",
}
"""Column of FER+'s fer2013new.csv -> class name, by its header (Barsoum et al.: Training Deep
Networks ... with Crowd-Sourced Label Distribution, ICMI 2016; github.com/microsoft/FERPlus)."""

FERPLUS_UNKNOWN = "unknown"
"""FER+'s column for votes that name none of the emotions."""

FERPLUS_NO_FACE = "NF"
"""FER+'s column for votes that a picture is not a face."""
