"""Training's part of /api/v1/; every path answers with and without a slash at its end."""

from django.urls import re_path

from training.api import (
    comparing,
    datasets,
    exports,
    growths,
    imports,
    jobs,
    lineages,
    model_versions,
    registrations,
    registry,
    samples,
    signing,
    status,
    uploads,
    versions,
)

UUID = r"(?P<pk>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
SAMPLE = UUID.replace("pk", "sample")
IMPORT = UUID.replace("pk", "number")
UPLOAD = UUID.replace("pk", "upload")
GROWTH = UUID.replace("pk", "growth")
EXPORT = UUID.replace("pk", "export")
NUMBER = r"(?P<number>[0-9a-zA-Z.-]{1,40})"
SLUG = r"(?P<slug>[-a-zA-Z0-9_]{1,64})"
REQUEST = r"(?P<number>[0-9]{1,18})"

urlpatterns = [
    re_path(r"^status/jobs/?$", status.JobsStatus.as_view(), name="api-status-jobs"),
    re_path(r"^training/models/active/?$", registry.active, name="api-model-active"),
    re_path(rf"^training/models/{UUID}/?$", registry.model, name="api-model"),
    re_path(r"^training/datasets/?$", datasets.Datasets.as_view(), name="api-datasets"),
    re_path(rf"^training/datasets/{UUID}/?$", datasets.Dataset.as_view(), name="api-dataset"),
    re_path(rf"^training/datasets/{UUID}/refresh/?$", growths.Refresh.as_view(), name="api-dataset-refresh"),
    re_path(rf"^training/datasets/{UUID}/preview/?$", growths.Preview.as_view(), name="api-dataset-preview"),
    re_path(rf"^training/datasets/{UUID}/growths/?$", growths.Growths.as_view(), name="api-growths"),
    re_path(rf"^training/datasets/{UUID}/growths/{GROWTH}/?$", growths.Growth.as_view(), name="api-growth"),
    re_path(rf"^training/datasets/{UUID}/samples/next/?$", samples.Next.as_view(), name="api-samples-next"),
    re_path(rf"^training/datasets/{UUID}/samples/undo/?$", samples.Undo.as_view(), name="api-samples-undo"),
    re_path(rf"^training/datasets/{UUID}/samples/?$", samples.Samples.as_view(), name="api-dataset-samples"),
    re_path(rf"^training/datasets/{UUID}/samples/{SAMPLE}/?$", samples.Sample.as_view(), name="api-dataset-sample"),
    re_path(rf"^training/datasets/{UUID}/samples/{SAMPLE}/verify/?$", samples.Verify.as_view(), name="api-sample-verify"),
    re_path(rf"^training/datasets/{UUID}/uploads/?$", uploads.Uploads.as_view(), name="api-dataset-uploads"),
    re_path(rf"^training/datasets/{UUID}/uploads/{UPLOAD}/?$", uploads.Upload.as_view(), name="api-dataset-upload"),
    re_path(rf"^training/datasets/{UUID}/uploads/{UPLOAD}/parts/?$", uploads.Parts.as_view(), name="api-upload-parts"),
    re_path(rf"^training/datasets/{UUID}/uploads/{UPLOAD}/complete/?$", uploads.Complete.as_view(), name="api-upload-complete"),
    re_path(rf"^training/datasets/{UUID}/versions/?$", versions.Versions.as_view(), name="api-versions"),
    re_path(rf"^training/datasets/{UUID}/versions/{NUMBER}/?$", versions.Version.as_view(), name="api-version"),
    re_path(rf"^training/datasets/{UUID}/versions/{NUMBER}/promote/?$", versions.Promote.as_view(), name="api-version-promote"),
    re_path(rf"^training/datasets/{UUID}/versions/{NUMBER}/demote/?$", versions.Demote.as_view(), name="api-version-demote"),
    re_path(rf"^training/datasets/{UUID}/versions/{NUMBER}/archive/?$", versions.Archive.as_view(), name="api-version-archive"),
    re_path(rf"^training/datasets/{UUID}/versions/{NUMBER}/verify/?$", versions.Prove.as_view(), name="api-version-verify"),
    re_path(rf"^training/datasets/{UUID}/versions/{NUMBER}/compare/?$", versions.Compare.as_view(), name="api-version-compare"),
    re_path(r"^training/lineage/(?P<sample>[^/]{1,200})/?$", versions.Lineage.as_view(), name="api-lineage"),
    re_path(
        rf"^training/datasets/(?P<pk>[^/]{{1,200}})/versions/{NUMBER}/files/?$",
        versions.version_files,
        name="api-version-files",
    ),
    re_path(rf"^training/datasets/{UUID}/export/?$", exports.NewExports.as_view(), name="api-dataset-export"),
    re_path(rf"^training/datasets/{UUID}/exports/?$", exports.Exports.as_view(), name="api-exports"),
    re_path(rf"^training/datasets/{UUID}/exports/{EXPORT}/?$", exports.Export.as_view(), name="api-export"),
    re_path(rf"^training/datasets/{UUID}/exports/{EXPORT}/cancel/?$", exports.Cancel.as_view(), name="api-export-cancel"),
    re_path(rf"^training/datasets/{UUID}/exports/{EXPORT}/download/?$", exports.Download.as_view(), name="api-export-download"),
    re_path(rf"^training/datasets/{UUID}/import/?$", imports.NewImports.as_view(), name="api-dataset-import"),
    re_path(rf"^training/datasets/{UUID}/imports/?$", imports.Imports.as_view(), name="api-imports"),
    re_path(rf"^training/datasets/{UUID}/imports/{IMPORT}/?$", imports.Import.as_view(), name="api-import"),
    re_path(rf"^training/datasets/{UUID}/imports/{IMPORT}/confirm/?$", imports.Confirm.as_view(), name="api-import-confirm"),
    re_path(rf"^training/datasets/{UUID}/imports/{IMPORT}/cancel/?$", imports.Cancel.as_view(), name="api-import-cancel"),
    re_path(rf"^training/datasets/{UUID}/imports/{IMPORT}/errors/?$", imports.Errors.as_view(), name="api-import-errors"),
    re_path(r"^training/jobs/?$", jobs.Jobs.as_view(), name="api-jobs"),
    re_path(rf"^training/jobs/{UUID}/?$", jobs.Job.as_view(), name="api-job"),
    re_path(rf"^training/jobs/{UUID}/cancel/?$", jobs.Cancel.as_view(), name="api-job-cancel"),
    re_path(rf"^training/jobs/{UUID}/logs/?$", jobs.Logs.as_view(), name="api-job-logs"),
    re_path(rf"^training/jobs/{UUID}/metrics/?$", jobs.Metrics.as_view(), name="api-job-metrics"),
    re_path(rf"^training/jobs/{UUID}/runs/?$", jobs.Runs.as_view(), name="api-job-runs"),
    re_path(rf"^training/jobs/{UUID}/folder/?$", jobs.Folder.as_view(), name="api-job-folder"),
    re_path(r"^training/trainers/?$", jobs.Trainers.as_view(), name="api-trainers"),
    re_path(r"^training/models/?$", model_versions.ModelVersions.as_view(), name="api-models"),
    re_path(r"^training/models/registrations/?$", registrations.Registrations.as_view(), name="api-registrations"),
    re_path(rf"^training/models/registrations/{UUID}/?$", registrations.Registration.as_view(), name="api-registration"),
    re_path(
        rf"^training/models/registrations/{UUID}/complete/?$",
        registrations.CompleteRegistration.as_view(),
        name="api-registration-complete",
    ),
    re_path(rf"^training/models/{UUID}/evaluate/?$", model_versions.Evaluate.as_view(), name="api-model-evaluate"),
    re_path(rf"^training/models/{UUID}/lineage/?$", lineages.Lineage.as_view(), name="api-model-lineage"),
    re_path(rf"^training/models/{UUID}/field/?$", lineages.Field.as_view(), name="api-model-field"),
    re_path(rf"^training/models/{UUID}/gate/?$", lineages.Judgement.as_view(), name="api-model-gate"),
    re_path(rf"^training/gates/{SLUG}/?$", lineages.Gate.as_view(), name="api-gate"),
    re_path(rf"^training/models/{UUID}/withdraw/?$", model_versions.Withdraw.as_view(), name="api-model-withdraw"),
    re_path(r"^training/signing-requests/?$", signing.SigningRequests.as_view(), name="api-signing-requests"),
    re_path(rf"^training/signing-requests/{REQUEST}/?$", signing.OneSigningRequest.as_view(), name="api-signing-request"),
    re_path(rf"^training/signing-requests/{REQUEST}/file/?$", signing.signing_file, name="api-signing-file"),
    re_path(
        rf"^training/signing-requests/{REQUEST}/signatures/?$", signing.Signatures.as_view(), name="api-signing-signatures"
    ),
    re_path(rf"^training/models/{UUID}/compare/?$", comparing.Compare.as_view(), name="api-model-compare"),
    re_path(rf"^training/models/{UUID}/approve/?$", model_versions.Approve.as_view(), name="api-model-approve"),
    re_path(rf"^training/models/{UUID}/refuse/?$", model_versions.Refuse.as_view(), name="api-model-refuse"),
    re_path(rf"^training/models/{UUID}/release/?$", model_versions.Release.as_view(), name="api-model-release"),
    re_path(rf"^training/models/{UUID}/activate/?$", model_versions.Activate.as_view(), name="api-model-activate"),
    re_path(rf"^training/models/{UUID}/deprecate/?$", model_versions.Deprecate.as_view(), name="api-model-deprecate"),
]
