"""A URLconf with a view that names a cache that is not there."""

from django.urls import include, path

from pagecache import cache_page
from tests.site.views import article_list

urlpatterns = [
    path("", include([path("", cache_page(60, cache="pages")(article_list))])),
    path("plain/", cache_page(60)(article_list)),
]
