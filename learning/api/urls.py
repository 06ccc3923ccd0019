"""The store's part of /api/v1/; every path answers with and without a slash at its end."""

from django.urls import re_path

from learning.api import batches, erasures, examples, gold, grid, labels, modules, people, reopening, review, store

NAME = r"(?P<name>[^/]{1,120})"
UUID = r"(?P<pk>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
SLOT = r"(?P<slot>[0-9]{1,19})"
EXAMPLE = r"(?P<pk>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
NUMBER = r"(?P<pk>[0-9]{1,18})"
SESSION = r"(?P<session_id>[0-9a-f]{1,50})"

urlpatterns = [
    re_path(r"^learning/modules/?$", modules.Modules.as_view(), name="api-modules"),
    re_path(rf"^learning/modules/{NAME}/?$", modules.Module.as_view(), name="api-module"),
    re_path(rf"^learning/modules/{NAME}/schemas/?$", modules.Schemas.as_view(), name="api-module-schemas"),
    re_path(rf"^learning/modules/{NAME}/policy/?$", modules.Policy.as_view(), name="api-module-policy"),
    re_path(r"^learning/schema-of-file/?$", modules.SchemaOfFile.as_view(), name="api-schema-of-file"),
    re_path(r"^learning/cities/?$", store.Cities.as_view(), name="api-cities"),
    re_path(r"^learning/samples/?$", store.samples, name="api-samples"),
    re_path(r"^learning/samples/(?P<sample_id>[^/]{1,200})/?$", store.Sample.as_view(), name="api-sample"),
    re_path(r"^learning/labels/?$", labels.Labels.as_view(), name="api-labels"),
    re_path(rf"^learning/objects/{UUID}/url/?$", labels.ObjectUrl.as_view(), name="api-object-url"),
    re_path(r"^learning/batches/?$", batches.Batches.as_view(), name="api-batches"),
    re_path(rf"^learning/batches/{NAME}/items/?$", batches.Items.as_view(), name="api-batch-items"),
    re_path(rf"^learning/batches/{NAME}/seal/?$", batches.Seal.as_view(), name="api-batch-seal"),
    re_path(rf"^learning/batches/{NAME}/?$", batches.Batch.as_view(), name="api-batch"),
    re_path(rf"^learning/modules/{NAME}/retention/?$", erasures.Rules.as_view(), name="api-retention"),
    re_path(r"^learning/erasures/?$", erasures.Erasures.as_view(), name="api-erasures"),
    re_path(rf"^learning/erasures/{UUID}/?$", erasures.OneErasure.as_view(), name="api-erasure"),
    re_path(rf"^learning/erasures/{UUID}/candidates/?$", erasures.Candidates.as_view(), name="api-erasure-candidates"),
    re_path(rf"^learning/erasures/{UUID}/decisions/?$", erasures.Decisions.as_view(), name="api-erasure-decisions"),
    re_path(rf"^learning/erasures/{UUID}/confirm/?$", erasures.Confirm.as_view(), name="api-erasure-confirm"),
    re_path(rf"^learning/erasures/{UUID}/receipt/?$", erasures.Receipt.as_view(), name="api-erasure-receipt"),
    re_path(r"^learning/access-exports/?$", erasures.AccessExports.as_view(), name="api-access-exports"),
    re_path(rf"^learning/access-exports/{UUID}/?$", erasures.OneAccessExport.as_view(), name="api-access-export"),
    re_path(rf"^learning/access-exports/{UUID}/link/?$", erasures.ExportLink.as_view(), name="api-access-export-link"),
    re_path(r"^learning/holds/?$", erasures.Holds.as_view(), name="api-holds"),
    re_path(rf"^learning/holds/{UUID}/lift/?$", erasures.Lift.as_view(), name="api-hold-lift"),
    re_path(r"^learning/lifecycle/?$", erasures.Lifecycle.as_view(), name="api-lifecycle"),
    re_path(r"^learning/review/next/?$", review.next_slot, name="api-review-next"),
    re_path(rf"^learning/review/slots/{SLOT}/decide/?$", review.decide, name="api-review-decide"),
    re_path(rf"^learning/review/slots/{SLOT}/renew/?$", review.renew, name="api-review-renew"),
    re_path(rf"^learning/review/slots/{SLOT}/release/?$", review.release, name="api-review-release"),
    re_path(rf"^learning/review/slots/{SLOT}/undo/?$", review.undo, name="api-review-undo"),
    re_path(r"^learning/review/grid/?$", grid.lease, name="api-grid-lease"),
    re_path(r"^learning/review/grid/decide/?$", grid.decide, name="api-grid-decide"),
    re_path(r"^learning/review/grid/renew/?$", grid.renew, name="api-grid-renew"),
    re_path(r"^learning/review/grid/release/?$", grid.release, name="api-grid-release"),
    re_path(r"^learning/review/disputes/?$", gold.Disputes.as_view(), name="api-disputes"),
    re_path(r"^learning/review/agreement/?$", gold.Agreement.as_view(), name="api-agreement"),
    re_path(r"^learning/review/reopen/?$", reopening.reopen, name="api-review-reopen"),
    re_path(rf"^learning/review/reopen/{UUID}/?$", reopening.reopened, name="api-review-reopened"),
    re_path(r"^learning/examples/?$", examples.Examples.as_view(), name="api-examples"),
    re_path(rf"^learning/examples/{EXAMPLE}/?$", examples.Example.as_view(), name="api-example"),
    re_path(rf"^learning/examples/{EXAMPLE}/verify/?$", examples.Verify.as_view(), name="api-example-verify"),
    re_path(rf"^learning/examples/{EXAMPLE}/confirm/?$", examples.Confirm.as_view(), name="api-example-confirm"),
    re_path(rf"^learning/examples/{EXAMPLE}/correct/?$", examples.Correct.as_view(), name="api-example-correct"),
    re_path(rf"^learning/examples/{EXAMPLE}/consent/?$", examples.ExampleConsent.as_view(), name="api-example-consent"),
    re_path(r"^learning/gold/?$", gold.Gold.as_view(), name="api-gold"),
    re_path(rf"^learning/gold/{NUMBER}/retire/?$", gold.Retire.as_view(), name="api-gold-retire"),
    re_path(r"^learning/pauses/?$", gold.Pauses.as_view(), name="api-pauses"),
    re_path(rf"^learning/pauses/{NUMBER}/lift/?$", gold.Lift.as_view(), name="api-pause-lift"),
    re_path(r"^learning/quality/?$", gold.Quality.as_view(), name="api-quality"),
    re_path(r"^learning/people/?$", people.People.as_view(), name="api-people"),
    re_path(r"^learning/people/figures/?$", people.Figures.as_view(), name="api-people-figures"),
    re_path(rf"^learning/people/{NUMBER}/?$", people.PersonView.as_view(), name="api-person"),
    re_path(rf"^learning/people/{NUMBER}/consent/?$", people.PersonConsent.as_view(), name="api-person-consent"),
    re_path(r"^learning/images/?$", people.Images.as_view(), name="api-images"),
    re_path(rf"^learning/images/{NUMBER}/?$", people.ImageView.as_view(), name="api-image"),
    re_path(rf"^learning/images/{NUMBER}/validate/?$", people.ValidateImage.as_view(), name="api-image-validate"),
    re_path(r"^learning/collections/?$", people.Collections.as_view(), name="api-collections"),
    re_path(rf"^learning/collections/{SESSION}/?$", people.Collection.as_view(), name="api-collection"),
    re_path(rf"^learning/collections/{SESSION}/cancel/?$", people.CancelCollection.as_view(), name="api-collection-cancel"),
    re_path(rf"^learning/collections/{SESSION}/resume/?$", people.ResumeCollection.as_view(), name="api-collection-resume"),
]
