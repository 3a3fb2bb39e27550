import pytest

from filterbank.engine.image import load


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A folder with a compiled image, made once for all tests."""
    folder = tmp_path_factory.mktemp("kernels")
    folder.chmod(0o700)
    load(folder, portable=False)
    return folder


@pytest.fixture(scope="session")
def kernels(built):
    return load(built, pytest.fail, portable=False)
