"""What django CMS asks for where it is installed by hand."""

from tests.compat.base import *  # noqa: F403 all of it
from tests.compat.base import INSTALLED_APPS, TEMPLATES

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django.contrib.sites",
    "cms",
    "menus",
    "treebeard",
    "sekizai",
    "tests.compat.cms_site",
]
MIDDLEWARE = [
    "pagecache.middleware.PageCacheMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "cms.middleware.user.CurrentUserMiddleware",
    "cms.middleware.page.CurrentPageMiddleware",
    "cms.middleware.toolbar.ToolbarMiddleware",
    "cms.middleware.language.LanguageCookieMiddleware",
]
TEMPLATES[0]["OPTIONS"]["context_processors"] += [
    "django.template.context_processors.i18n",
    "sekizai.context_processors.sekizai",
    "cms.context_processors.cms_settings",
]
ROOT_URLCONF = "tests.compat.cms_site.urls"
SITE_ID = 1
X_FRAME_OPTIONS = "SAMEORIGIN"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
CMS_CATCH_PLUGIN_500_EXCEPTION = False
CMS_CONFIRM_VERSION4 = True
PAGECACHE = {"KEY_COOKIES": ["django_language"]}
CMS_TEMPLATES = [("cms_site/page.html", "A page")]
