"""Training's part of /api/v1/; every path answers with and without a slash at its end."""

from django.urls import re_path

from training.api import datasets, jobs, model_versions, samples

UUID = r"(?P<pk>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
SAMPLE = UUID.replace("pk", "sample")
NUMBER = r"(?P<number>[0-9a-zA-Z.-]{1,40})"

urlpatterns = [
    re_path(r"^training/datasets/?$", datasets.Datasets.as_view(), name="api-datasets"),
    re_path(rf"^training/datasets/{UUID}/?$", datasets.Dataset.as_view(), name="api-dataset"),
    re_path(rf"^training/datasets/{UUID}/refresh/?$", datasets.Refresh.as_view(), name="api-dataset-refresh"),
    re_path(rf"^training/datasets/{UUID}/samples/?$", samples.Samples.as_view(), name="api-dataset-samples"),
    re_path(rf"^training/datasets/{UUID}/samples/{SAMPLE}/?$", samples.Sample.as_view(), name="api-dataset-sample"),
    re_path(rf"^training/datasets/{UUID}/samples/{SAMPLE}/verify/?$", samples.Verify.as_view(), name="api-sample-verify"),
    re_path(rf"^training/datasets/{UUID}/versions/?$", datasets.Versions.as_view(), name="api-versions"),
    re_path(rf"^training/datasets/{UUID}/versions/{NUMBER}/?$", datasets.Version.as_view(), name="api-version"),
    re_path(
        rf"^training/datasets/(?P<pk>[^/]{{1,200}})/versions/{NUMBER}/files/?$",
        datasets.version_files,
        name="api-version-files",
    ),
    re_path(r"^training/jobs/?$", jobs.Jobs.as_view(), name="api-jobs"),
    re_path(rf"^training/jobs/{UUID}/?$", jobs.Job.as_view(), name="api-job"),
    re_path(rf"^training/jobs/{UUID}/cancel/?$", jobs.Cancel.as_view(), name="api-job-cancel"),
    re_path(rf"^training/jobs/{UUID}/logs/?$", jobs.Logs.as_view(), name="api-job-logs"),
    re_path(rf"^training/jobs/{UUID}/metrics/?$", jobs.Metrics.as_view(), name="api-job-metrics"),
    re_path(rf"^training/jobs/{UUID}/runs/?$", jobs.Runs.as_view(), name="api-job-runs"),
    re_path(r"^training/trainers/?$", jobs.Trainers.as_view(), name="api-trainers"),
    re_path(r"^training/models/?$", model_versions.ModelVersions.as_view(), name="api-models"),
    re_path(rf"^training/models/{UUID}/?$", model_versions.ModelVersionView.as_view(), name="api-model"),
    re_path(rf"^training/models/{UUID}/evaluate/?$", model_versions.Evaluate.as_view(), name="api-model-evaluate"),
    re_path(rf"^training/models/{UUID}/approve/?$", model_versions.Approve.as_view(), name="api-model-approve"),
    re_path(rf"^training/models/{UUID}/refuse/?$", model_versions.Refuse.as_view(), name="api-model-refuse"),
    re_path(rf"^training/models/{UUID}/release/?$", model_versions.Release.as_view(), name="api-model-release"),
    re_path(rf"^training/models/{UUID}/activate/?$", model_versions.Activate.as_view(), name="api-model-activate"),
    re_path(rf"^training/models/{UUID}/deprecate/?$", model_versions.Deprecate.as_view(), name="api-model-deprecate"),
]
