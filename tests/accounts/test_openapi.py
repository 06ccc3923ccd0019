"""The OpenAPI document: how a key is sent, and the hot endpoints beside the others."""

from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator


def test_keys_and_plain_function_views_are_described():
    with GENERATOR_STATS.silence():
        document = SchemaGenerator().get_schema(request=None, public=True)
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    decide = document["paths"]["/api/v1/learning/review/slots/{slot}/decide/"]["post"]
    assert {"key": []} in decide["security"]
    assert "Decision" in str(decide["requestBody"])
    assert "/api/v1/learning/samples/" in document["paths"]
    assert "KeyAuthentication" not in str(GENERATOR_STATS._warn_cache) + str(GENERATOR_STATS._error_cache)
