"""Pages that belong to no app: home, and the components on one page."""

from django.urls import path

from config.views.components import components
from config.views.home import home

urlpatterns = [
    path("", home, name="home"),
    path("components/", components, name="components"),
]
