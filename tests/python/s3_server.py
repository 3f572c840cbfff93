"""moto's S3 with the files of a folder in two buckets: `public`, which anyone may read, and `private`, whose
requests must be signed with the key JANE/secret, which botocore judges. Prints its port, then a line for each
request: its method, path, range and whether it was signed."""

import io
import os
import sys
from urllib.parse import parse_qs, parse_qsl, urlencode

import boto3
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

KEY, SECRET = "JANE", "secret"


def is_signed(environ):
    """Whether the query has the signature that botocore makes of the same request at the same time."""
    given = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
    if given.get("X-Amz-Credential", "").split("/")[0] != KEY:
        return False
    signature = given.pop("X-Amz-Signature", None)
    host = environ["HTTP_HOST"]
    region = given["X-Amz-Credential"].split("/")[2]
    auth = S3SigV4QueryAuth(Credentials(KEY, SECRET), "s3", region, expires=int(given["X-Amz-Expires"]))
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=f"http://{host}{environ['RAW_URI'].split('?')[0]}")
    request.headers["host"] = host
    request.context["timestamp"] = given["X-Amz-Date"]
    request.url += "?" + urlencode(sorted(given.items()))
    canonical = auth.canonical_request(request)
    text = auth.string_to_sign(request, canonical)
    return signature is not None and auth.signature(text, request) == signature


class Judge:
    """Lets requests for private objects through only if they are signed."""

    def __init__(self, app):
        self.app, self.open = app, True

    def __call__(self, environ, start_response):
        if self.open:
            return self.app(environ, start_response)
        signed = "X-Amz-Signature" in parse_qs(environ["QUERY_STRING"])
        good = signed and is_signed(environ)
        asked = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_RANGE", "-"), str(good))
        # In one piece: requests come side by side.
        os.write(sys.stdout.fileno(), (" ".join(asked) + "\n").encode())
        if signed and not good:
            body = (
                b"<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we "
                b"calculated does not match.</Message><SignatureProvided>5ec2e7</SignatureProvided></Error>"
            )
            start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]
        return self.app(environ, start_response)


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


def main():
    folder = sys.argv[1]
    judge = Judge(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, judge, threaded=True, request_handler=Quiet)
    import threading

    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{server.port}",
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )
    for bucket, acl in (("public", "public-read"), ("private", "private")):
        client.create_bucket(Bucket=bucket, ACL=acl)
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                client.put_object(Bucket=bucket, Key=f"images/{name}", Body=io.BytesIO(file.read()), ACL=acl)
    judge.open = False
    print(server.port, flush=True)
    sys.stdin.read()


main()
