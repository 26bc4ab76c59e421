"""What django-cors-headers and WhiteNoise ask for; the tests say where their middleware stands."""

from pathlib import Path

from tests.compat.base import *  # noqa: F403 all of it
from tests.compat.base import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "corsheaders"]
CORS = "corsheaders.middleware.CorsMiddleware"
WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"
MIDDLEWARE = [*MIDDLEWARE]
ROOT_URLCONF = "tests.compat.orders_site.urls"
CORS_ALLOWED_ORIGINS = ["https://one.example", "https://two.example"]
STATIC_ROOT = WHITENOISE_ROOT = str(Path(__file__).parent / "files")
