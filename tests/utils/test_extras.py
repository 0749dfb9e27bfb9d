import tomllib

import pytest
from helpers import ROOT
from packaging.requirements import Requirement

from fer_keras.utils.extras import PACKAGES, how_to_install

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def packages_of(extra):
    for line in EXTRAS[extra]:
        requirement = Requirement(line)
        if requirement.name == "fer_keras":
            for other in requirement.extras:
                yield from packages_of(other)
        else:
            yield line


@pytest.mark.parametrize("extra", PACKAGES)
def test_what_a_sentence_installs_is_the_extra_and_no_second_tensorflow(extra):
    assert PACKAGES[extra] == tuple(packages_of(extra))
    assert how_to_install(extra).startswith('pip install "')
    assert "tensorflow" not in how_to_install(extra) and "fer_keras" not in how_to_install(extra)
