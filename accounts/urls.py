from django.urls import path

from accounts.views.invitation import invitation

app_name = "people"
urlpatterns = [path("invitation/<str:token>/", invitation, name="invitation")]
