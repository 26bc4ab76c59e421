"""What django-csp asks for, and what Django's own policy does; the tests put its middleware in the other's place."""

import django
from csp.constants import NONCE, SELF

from tests.compat.base import *  # noqa: F403 all of it
from tests.compat.base import INSTALLED_APPS, MIDDLEWARE, TEMPLATES

OWN = django.VERSION >= (6, 0)

INSTALLED_APPS = [*INSTALLED_APPS, "csp", "tests.compat.csp_site"]
MIDDLEWARE = [*MIDDLEWARE, "csp.middleware.CSPMiddleware"]
PROCESSORS = ["csp.context_processors.nonce", *["django.template.context_processors.csp"][:OWN]]
TEMPLATES[0]["OPTIONS"]["context_processors"] += PROCESSORS
ROOT_URLCONF = "tests.compat.csp_site.urls"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": [SELF], "script-src": [SELF, NONCE]}}
SECURE_CSP = {"default-src": ["'self'"], "script-src": ["'self'", "<CSP_NONCE_SENTINEL>"]}
