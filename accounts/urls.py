"""Pages of people and of the own account; a few stand where allauth's own would, which mail or let choose an address."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from accounts.views import account, person
from accounts.views.closed import closed
from accounts.views.invitation import forgotten, invitation

app_name = "people"
urlpatterns = [
    path("", account.account, name="account"),
    path("tokens/", account.token_issue, name="token-issue"),
    path("tokens/<slug:prefix>/revoke/", account.token_revoke, name="token-revoke"),
    path("sessions/", account.sessions_end, name="sessions-end"),
    path("sessions/<int:pk>/end/", account.session_end, name="session-end"),
    path("invitation/<str:token>/", invitation, name="invitation"),
    path("password/reset/", forgotten, name="forgotten"),
    *[path(f"{ours}<path:_rest>", login_not_required(closed)) for ours in ("password/reset/", "confirm-email/", "login/code/")],
    *[path(ours, login_not_required(closed)) for ours in ("email/", "confirm-email/", "signup/passkey/")],
    path("users/", person.users, name="users"),
    path("users/invite/", person.invite, name="user-invite"),
    path("users/<int:pk>/", person.user, name="user"),
    path("users/<int:pk>/link/", person.link, name="user-link"),
    path("users/<int:pk>/link/<int:invitation>/revoke/", person.link_revoke, name="link-revoke"),
    path("users/<int:pk>/role/", person.change_role, name="user-role"),
    path("users/<int:pk>/deactivate/", person.deactivate, name="user-deactivate"),
    path("users/<int:pk>/reactivate/", person.reactivate, name="user-reactivate"),
    path("users/<int:pk>/pseudonymise/", person.pseudonymise, name="user-pseudonymise"),
    path("users/<int:pk>/reset-factors/", person.reset_factors, name="user-reset-factors"),
]
