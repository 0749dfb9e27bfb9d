"""Words of a command line that stand after options."""


def parse_words(parser, arguments):
    """Parse a command line whose words may stand after options.

    Args:
        parser: an `argparse.ArgumentParser`. A command whose last positional argument is the list
            `words` takes any number of them.
        arguments: list of str.

    Returns:
        The options, an `argparse.Namespace`, and a list of the arguments that are none.
    """
    options, left = parser.parse_known_args(arguments)
    takes_words = hasattr(options, "words")
    if left and not takes_words and not any(map(_is_option, left)):
        # argparse gives no optional positional argument a word after an option. Put such words
        # before the first option and parse again.
        options, left = parser.parse_known_args(_words_first(arguments, left))
    place = left.index("--") if "--" in left else len(left)
    left, behind = left[:place], left[place + 1 :]  # no options, whatever they begin with
    if behind and not takes_words:
        parser.error(f"{behind[0]} is one word too many.")
    # argparse ends a list of words at the first option; pictures may stand after it, too.
    if takes_words and not any(map(_is_option, left)):
        options.words += [*left, *behind]
        left = []
    return options, left


def _is_option(word):
    return word[:1] == "-"


def _words_first(arguments, words):
    """Return arguments with some words, the last of equal ones, before the first option."""
    rest = arguments[::-1]
    for word in reversed(words):
        rest.remove(word)
    rest.reverse()
    place = next((n for n, word in enumerate(rest) if _is_option(word)), len(rest))
    return [*rest[:place], *words, *rest[place:]]
