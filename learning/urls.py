from django.urls import path

from learning.views.batch import batch, batches
from learning.views.review import review
from learning.views.sample import sample, samples

app_name = "learning"
urlpatterns = [
    path("review/", review, name="review"),
    path("review/<slug:module>/", review, name="review"),
    path("batches/", batches, name="batches"),
    path("batches/<str:batch_id>/", batch, name="batch"),
    path("samples/", samples, name="samples"),
    path("samples/<path:sample_id>/", sample, name="sample"),
]
