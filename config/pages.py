"""Pages that belong to no app: home, and the components on one page."""

from django.urls import path

from config.views.components import components
from config.views.home import home
from config.views.organization import organization, usages
from config.views.search import search
from config.views.system import system

urlpatterns = [
    path("", home, name="home"),
    path("organization/", organization, name="organization"),
    path("organization/<slug:slug>/", organization, name="organization"),
    path("search/", search, name="search"),
    path("usage/", usages, name="usage"),
    path("system/", system, name="system"),
    path("components/", components, name="components"),
]
