from django.urls import path

from training.views import dataset, job, model, version

app_name = "training"
urlpatterns = [
    path("datasets/", dataset.datasets, name="datasets"),
    path("datasets/new/", dataset.dataset_new, name="dataset-new"),
    path("datasets/<uuid:pk>/", dataset.dataset, name="dataset"),
    path("datasets/<uuid:pk>/refresh/", dataset.dataset_refresh, name="dataset-refresh"),
    path("datasets/<uuid:pk>/freeze/", dataset.dataset_freeze, name="dataset-freeze"),
    path("datasets/<uuid:pk>/archive/", dataset.dataset_archive, name="dataset-archive"),
    path("versions/<uuid:pk>/", version.version, name="version"),
    path("versions/<uuid:pk>/train/", version.version_train, name="version-train"),
    path("versions/<uuid:pk>/archive/", version.version_archive, name="version-archive"),
    path("jobs/", job.jobs, name="jobs"),
    path("jobs/<uuid:pk>/", job.job, name="job"),
    path("jobs/<uuid:pk>/cancel/", job.job_cancel, name="job-cancel"),
    path("models/", model.models, name="models"),
    path("models/<uuid:pk>/", model.model, name="model"),
    path("models/<uuid:pk>/evaluate/", model.model_evaluate, name="model-evaluate"),
    path("models/<uuid:pk>/approve/", model.model_approve, name="model-approve"),
    path("models/<uuid:pk>/refuse/", model.model_refuse, name="model-refuse"),
    path("models/<uuid:pk>/release/", model.model_release, name="model-release"),
    path("models/<uuid:pk>/activate/", model.model_activate, name="model-activate"),
    path("models/<uuid:pk>/deprecate/", model.model_deprecate, name="model-deprecate"),
]
