"""Lists and single groups by a router, and views that read the request in their own ways."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import include, path
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.decorators import (
    api_view,
    permission_classes,
    renderer_classes,
    throttle_classes,
)
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.serializers import HyperlinkedModelSerializer
from rest_framework.throttling import AnonRateThrottle
from rest_framework.viewsets import ModelViewSet


class GroupSerializer(HyperlinkedModelSerializer):
    class Meta:
        model = Group
        fields = ("url", "name")


class Groups(ModelViewSet):
    """All groups."""

    queryset = Group.objects.order_by("pk")
    serializer_class = GroupSerializer


@api_view(["GET"])
@permission_classes([AllowAny])
def names(request: Request) -> Response:
    """Names alone, in as many as are asked for."""
    most = int(request.query_params.get("most", 10))
    return Response(list(Group.objects.order_by("pk").values_list("name", flat=True)[:most]))


@api_view(["GET"])
@permission_classes([AllowAny])
@renderer_classes([JSONRenderer])
def plain(request: Request) -> Response:
    """Nothing but JSON."""
    return Response({"groups": Group.objects.count()})


@api_view(["GET"])
@permission_classes([AllowAny])
@renderer_classes([JSONRenderer])
def me(request: Request) -> Response:
    """Who asks, by the wrapper and by what it wraps."""
    wrapped: Any = request._request
    return Response([request.user.get_username(), wrapped.user.get_username(), bool(request.auth)])


@api_view(["GET"])
@permission_classes([AllowAny])
@throttle_classes([AnonRateThrottle])
def seldom(request: Request) -> Response:
    """Twice a day."""
    return Response("so often")


router = DefaultRouter()
router.register("groups", Groups)

urlpatterns = [
    path("", include(router.urls)),
    path("names/", names),
    path("plain/", plain),
    path("me/", me),
    path("seldom/", seldom),
    path("token/", obtain_auth_token),
    path("auth/", include("rest_framework.urls")),
    path("admin/", admin.site.urls),
]
