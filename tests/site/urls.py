"""One path for each way in which a page may read the database."""

from django.contrib import admin
from django.urls import path

from tests.site import views

urlpatterns = [
    path("articles/", views.article_list, name="list"),
    path("articles/<slug:slug>/", views.article_by_slug, name="by-slug"),
    path("articles/number/<int:pk>/", views.article_by_pk, name="by-pk"),
    path("tags/", views.prefetched_tags, name="prefetched"),
    path("totals/", views.totals, name="aggregate"),
    path("raw/", views.raw_sql, name="raw"),
    path("template/", views.template, name="template"),
    path("admin/", admin.site.urls),
]
