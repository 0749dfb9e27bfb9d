"""Class names in one canonical order, and how each storage form spells them."""

# FER2013's own code order (code 0 is angry, ..., 6 is neutral), whatever form the data is stored
# in. Folder loaders sort by name and so put neutral at 4: the classic cause of confusion matrices
# that cannot be compared.
CLASS_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

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
