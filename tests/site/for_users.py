"""A URLconf with views whose pages are for single users, and others."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from pagecache import cache_page, segment_by
from pagecache.segments import by_group, by_user, combine


@segment_by(by_user)
def account(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@segment_by(by_group)
def prices(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@method_decorator(cache_page(60), name="dispatch")
@method_decorator(segment_by(combine(by_group, by_user)), name="dispatch")
class Basket(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


urlpatterns = [
    path("prices/", prices),
    path("mine/", include([path("account/", account), path("basket/", Basket.as_view())])),
]
