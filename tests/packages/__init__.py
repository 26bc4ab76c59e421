"""A site with packages that keep values behind the cache API; its tests are run by `tests/test_packages.py`."""
