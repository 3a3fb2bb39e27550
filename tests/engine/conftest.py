import pytest

from filterbank.engine.image import load
from filterbank.engine.kernels.table import IMAGES


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A folder with the compiled images, made once for all tests."""
    folder = tmp_path_factory.mktemp("kernels")
    folder.chmod(0o700)
    for image in IMAGES:
        load(folder, portable=False).file(image)
    return folder


@pytest.fixture(scope="session")
def kernels(built):
    return load(built, pytest.fail, portable=False)
