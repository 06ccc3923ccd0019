from django.urls import path

from learning.views import city as cities
from learning.views import erasure, gold, quality, retention
from learning.views import module as modules
from learning.views import selection as selections
from learning.views.batch import batch, batch_calendar, batch_rejected, batches, rejected
from learning.views.collection import collection, collection_cancel, collection_new, collection_resume, collections
from learning.views.example import example_consent, example_user, examples
from learning.views.grid import grid
from learning.views.module_policy import module_policy
from learning.views.module_schema import module_schema
from learning.views.module_unclear import module_unclear
from learning.views.own_work import mine, mine_csv
from learning.views.person import people, person, person_consent, person_figures, person_figures_csv
from learning.views.review import review, review_more
from learning.views.sample import sample, samples
from learning.views.store import store, store_csv, store_inspect

app_name = "learning"
urlpatterns = [
    path("review/", review, name="review"),
    path("review/<slug:module>/", review, name="review"),
    path("review/<slug:module>/grid/", grid, name="grid"),
    path("review/<slug:module>/more/", review_more, name="review-more"),
    path("mine/", mine, name="mine"),
    path("mine/work.csv", mine_csv, name="mine-csv"),
    path("batches/", batches, name="batches"),
    path("batches/calendar/", batch_calendar, name="batch-calendar"),
    path("batches/rejected.csv", rejected, name="rejected"),
    path("batches/<str:batch_id>/", batch, name="batch"),
    path("batches/<str:batch_id>/rejected.csv", batch_rejected, name="batch-rejected"),
    path("modules/", modules.modules, name="modules"),
    path("modules/new/", modules.module_new, name="module-new"),
    path("modules/<slug:slug>/", modules.module, name="module"),
    path("modules/<slug:slug>/revise/", modules.module_revise, name="module-revise"),
    path("modules/<slug:slug>/schema/", module_schema, name="module-schema"),
    path("modules/<slug:slug>/policy/", module_policy, name="module-policy"),
    path("modules/<slug:slug>/unclear/", module_unclear, name="module-unclear"),
    path("cities/", cities.cities, name="cities"),
    path("cities/<slug:slug>/", cities.city, name="city"),
    path("cities/<slug:slug>/revise/", cities.city_revise, name="city-revise"),
    path("cities/<slug:slug>/keys/", cities.key_issue, name="key-issue"),
    path("cities/<slug:slug>/keys/<str:prefix>/revoke/", cities.key_revoke, name="key-revoke"),
    path("figures/", store, name="figures"),
    path("figures/inspect/", store_inspect, name="store-inspect"),
    path("figures/<slug:name>.csv", store_csv, name="figures-csv"),
    path("gold/", gold.gold, name="gold"),
    path("gold/promote/", gold.gold_promote, name="gold-promote"),
    path("gold/<int:pk>/retire/", gold.gold_retire, name="gold-retire"),
    path("quality/", quality.quality, name="quality"),
    path("quality/<slug:name>.csv", quality.quality_csv, name="quality-csv"),
    path("quality/rebuild/", quality.quality_rebuild, name="quality-rebuild"),
    path("quality/<slug:module>/pause/<int:user_id>/", quality.pause_person, name="pause-person"),
    path("quality/pauses/<int:pk>/lift/", quality.pause_lift, name="pause-lift"),
    path("selections/", selections.selections, name="selections"),
    path("selections/choose/", selections.choose, name="selection-choose"),
    path("selections/<uuid:pk>/", selections.selection, name="selection"),
    path("selections/<uuid:pk>/begin/", selections.selection_begin, name="selection-begin"),
    path("selections/<uuid:pk>/cancel/", selections.selection_cancel, name="selection-cancel"),
    path("selections/<uuid:pk>/resume/", selections.selection_resume, name="selection-resume"),
    path("export/samples/<slug:spelling>/", selections.export, name="export"),
    path("filters/", selections.filter_save, name="filter-save"),
    path("filters/<uuid:pk>/remove/", selections.filter_remove, name="filter-remove"),
    path("erasures/", erasure.erasures, name="erasures"),
    path("erasures/ask/", erasure.erasure_ask, name="erasure-ask"),
    path("erasures/<uuid:pk>/", erasure.erasure, name="erasure"),
    path("erasures/<uuid:pk>/choose/", erasure.erasure_choose, name="erasure-choose"),
    path("erasures/<uuid:pk>/decide/", erasure.erasure_decide, name="erasure-decide"),
    path("erasures/<uuid:pk>/confirm/", erasure.erasure_confirm, name="erasure-confirm"),
    path("erasures/<uuid:pk>/discard/", erasure.erasure_discard, name="erasure-discard"),
    path("erasures/<uuid:pk>/export/", erasure.erasure_export, name="erasure-export"),
    path("erasures/<uuid:pk>/receipt/", erasure.erasure_receipt, name="erasure-receipt"),
    path("access-exports/<uuid:pk>/link/", erasure.access_export_link, name="access-export-link"),
    path("retention/", retention.retention_page, name="retention"),
    path("retention/<slug:module>/", retention.retention_rules, name="retention-rules"),
    path("holds/", retention.hold_put, name="hold-put"),
    path("holds/<uuid:pk>/lift/", retention.hold_lift, name="hold-lift"),
    path("samples/", samples, name="samples"),
    path("samples/<path:sample_id>/", sample, name="sample"),
    path("examples/", examples, name="examples"),
    path("examples/consent/<path:user_id>", example_consent, name="example-consent"),
    path("examples/of/<path:user_id>", example_user, name="example-user"),
    path("people/", people, name="people"),
    path("people/figures/", person_figures, name="person-figures"),
    path("people/figures/<slug:table>.csv", person_figures_csv, name="person-figures-csv"),
    path("people/<int:pk>/", person, name="person"),
    path("people/<int:pk>/consent/", person_consent, name="person-consent"),
    path("collections/", collections, name="collections"),
    path("collections/new/", collection_new, name="collection-new"),
    path("collections/<str:session_id>/", collection, name="collection"),
    path("collections/<str:session_id>/cancel/", collection_cancel, name="collection-cancel"),
    path("collections/<str:session_id>/resume/", collection_resume, name="collection-resume"),
]
