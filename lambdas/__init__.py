"""The cloud side: three Lambdas, each a thin handler over logic that the desk can run too.

A deployment packs `lambdas/`, `jigdesk/__init__.py`, `jigdesk/ports/` and `jigdesk/domain/`;
all of them are stdlib-only but for `lambdas/common/s3_store.py` (boto3) and
`lambdas/common/identity.py` (PyJWT).
"""
